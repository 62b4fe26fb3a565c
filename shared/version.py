"""The version, as one constant: the deployed app is a folder, not an installed package with metadata to ask."""

VERSION = "0.1.0"
