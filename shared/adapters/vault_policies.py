"""Access policies: who may do what in a vault that was made without roles (`enableRbacAuthorization: false`).

The traps (documented): in such a vault a role assignment succeeds and opens nothing, so the vault has to be looked at
before anything is granted; and a policy opens every secret of the vault, because it knows no scope below it.
"""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.adapters.arm_ids import vault_id as parsed
from shared.adapters.azure_errors import azure_call, error_code
from shared.errors import PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from shared.adapters.arm_clients import ArmWriter

_VERSION: Final = "2023-07-01"
_DEADLINE_S: Final = 60.0
_NOT_ALLOWED: Final = frozenset({"AuthorizationFailed", "LinkedAuthorizationFailed"})
_READING: Final = frozenset({"get", "all"})


class AccessPolicyMissing(PermanentError):
    """The vault has access policies, none lets a credential set read its secrets, and this app may not write one."""

    code = "vault_access_policy_missing"
    hint = "Add an access policy with the secret permission get for the credential set's identity."


class VaultDocument(msgspec.Struct, frozen=True):
    """What ARM says of a vault that has access policies: its tenant, and who may read secrets there."""

    tenant_id: str
    readers: frozenset[str]


class VaultPolicies:
    """The access policies of vaults, through ARM."""

    def __init__(self, arm: "ArmWriter") -> None:
        self._arm = arm

    async def of(self, vault_id: str) -> VaultDocument | None:
        """A vault's access policies, None for a vault with roles; one that may not be looked at counts as such."""
        from azure.core.exceptions import HttpResponseError

        async with azure_call(
            Outside.ARM_READ_ACCESS, f"reading the vault {parsed(vault_id).name}", deadline_s=_DEADLINE_S
        ):
            try:
                document = await self._arm.get(vault_id.rstrip("/"), **{"api-version": _VERSION})
            except HttpResponseError as error:
                if error_code(error) in _NOT_ALLOWED:
                    return None
                raise
        properties = document.get("properties") or {}
        if properties.get("enableRbacAuthorization"):
            return None
        readers = [
            str(policy.get("objectId", "")).lower()
            for policy in properties.get("accessPolicies") or ()
            if _reads(policy)
        ]
        return VaultDocument(str(properties.get("tenantId", "")), frozenset(readers))

    async def grant(self, vault_id: str, vault: VaultDocument, principal_id: str) -> None:
        """Let a principal read the vault's secrets, where this app may write access policies.

        Raises:
            AccessPolicyMissing: it may not; the hint is the command with which somebody else does it.
        """
        from azure.core.exceptions import HttpResponseError

        name = parsed(vault_id).name
        policy = {
            "tenantId": vault.tenant_id,
            "objectId": principal_id,
            "permissions": {"secrets": ["get"]},
        }
        body, path = {"properties": {"accessPolicies": [policy]}}, f"{vault_id.rstrip('/')}/accessPolicies/add"
        async with azure_call(Outside.ARM_GRANT_ACCESS, f"adding an access policy to {name}", deadline_s=_DEADLINE_S):
            try:
                await self._arm.put(path, body, **{"api-version": _VERSION})
            except HttpResponseError as error:
                if error_code(error) not in _NOT_ALLOWED:
                    raise
                raise AccessPolicyMissing(
                    f"the vault {name} has access policies, and none lets {principal_id} read secrets",
                    hint=f"az keyvault set-policy --name {name} --object-id {principal_id} --secret-permissions get; "
                    "that opens every secret of the vault to the credential set. docs/deploy.md has the alternatives.",
                ) from error


def _reads(policy: Any) -> bool:
    permissions = (policy.get("permissions") or {}).get("secrets") or ()
    return bool(_READING & {str(name).lower() for name in permissions})
