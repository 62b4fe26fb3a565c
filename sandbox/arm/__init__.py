"""Azure Resource Manager: registries with their cache rules and credential sets, role assignments, operations."""
