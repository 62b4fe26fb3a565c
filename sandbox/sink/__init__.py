"""Receivers of notifications: Teams workflows, Slack incoming webhooks, and any other webhook."""
