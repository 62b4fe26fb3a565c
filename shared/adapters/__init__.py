"""A module per outside system. SDKs are imported inside, on first use."""
