"""ACR's data plane: sign-in, repositories, and pulls through cache rules."""
