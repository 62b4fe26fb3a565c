"""Key Vault secrets with the challenge flow, versions, soft delete and data-plane RBAC."""
