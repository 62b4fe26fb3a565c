"""Docker Hub: its token service, its registry with the pull limit, and the management API for access tokens."""
