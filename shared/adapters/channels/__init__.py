"""The channels, a module each; `making` knows which one serves which kind of the policy."""
