"""Entra ID and the App Service identity endpoint: who calls, and the tokens that prove it."""
