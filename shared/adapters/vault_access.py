"""Who may read which secret of a vault: role assignments of Key Vault Secrets User, or the vault's access policies.

The traps: a new credential set's principal is not yet known everywhere, which `principalType` gets around (documented);
the assignment's name is made from what it grants, so that the same grant again is the same assignment; and the grant is
per secret, because the vault holds others.
"""

import re
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shared.adapters.arm_clients import ArmEndpoint, ArmWriter, authorization_clients
from shared.adapters.arm_ids import ArmIdInvalid
from shared.adapters.arm_ids import subscription_id as checked_subscription
from shared.adapters.arm_ids import vault_id as parsed
from shared.adapters.azure_errors import azure_call, error_code
from shared.adapters.vault_policies import VaultPolicies
from shared.application.registry_ports import VaultAccess
from shared.errors import PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

SECRETS_USER: Final = "4633458b-17de-408a-b874-0445c86b69e6"
"""The role definition Key Vault Secrets User (documented)."""

_NAMES: Final = uuid.UUID("5d0b8f51-6c3a-5f0e-9b39-9a4d2f6f0c1e")
_SECRET: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
_PRINCIPAL: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DEADLINE_S: Final = 60.0


class VaultNotFound(PermanentError):
    """No vault at that address is visible in the subscription."""

    code = "vault_not_found"
    hint = "Name the vault's ARM id (`vault_id`) in the policy, and let the app's identity read the vault."


class ArmVaultAccess(VaultAccess):
    """Role assignments and access policies through ARM; clients are made on first use, closed by `aclose`."""

    def __init__(
        self,
        credential: "AsyncTokenCredential",
        *,
        endpoint: str = "https://management.azure.com",
        audience: str = "https://management.azure.com",
        **options: Any,
    ) -> None:
        where = ArmEndpoint(endpoint, audience, options)
        self._clients = authorization_clients(credential, where)
        self._reader = ArmWriter(credential, where)
        self._policies = VaultPolicies(self._reader)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._clients.aclose()
        await self._reader.aclose()

    async def granted(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> bool:
        """Whether the principal holds Key Vault Secrets User on the vault, above it, or on each of the secrets.

        In a vault with access policies: whether one lets it read secrets.
        """
        _check(secrets, principal_id)
        if (policies := await self._policies.of(vault_id)) is not None:
            return principal_id.lower() in policies.readers
        return not await self._missing(vault_id, secrets, principal_id)

    async def grant(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> None:
        """Give it Key Vault Secrets User on each of the secrets; what it has already stays.

        In a vault with access policies it gets one, if the app was given the right to write them.

        Raises:
            AccessPolicyMissing: it was not.
        """
        from azure.core.exceptions import ResourceExistsError
        from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

        _check(secrets, principal_id)
        if (policies := await self._policies.of(vault_id)) is not None:
            if principal_id.lower() not in policies.readers:
                await self._policies.grant(vault_id, policies, principal_id)
            return
        vault = parsed(vault_id)
        role = f"/subscriptions/{vault.subscription}/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}"
        wanted = RoleAssignmentCreateParameters(
            role_definition_id=role, principal_id=principal_id, principal_type="ServicePrincipal"
        )
        for scope in await self._missing(vault_id, secrets, principal_id):
            name = str(uuid.uuid5(_NAMES, f"{scope}|{principal_id}|{SECRETS_USER}".lower()))
            async with azure_call(
                Outside.ARM_GRANT_ACCESS, f"granting {scope.rpartition('/')[2]} of {vault.name}", deadline_s=_DEADLINE_S
            ):
                try:
                    await self._clients.of(vault.subscription).role_assignments.create(scope, name, wanted)
                except ResourceExistsError as error:
                    if error_code(error) != "RoleAssignmentExists":
                        raise

    async def vault_id(self, vault: str, subscription_id: str) -> str:
        """The ARM id of the vault at an address; raises `VaultNotFound`.

        A vault's name is the first label of its address, but only its own document says what its address is.
        """
        subscription = checked_subscription(subscription_id)
        path, kind = f"/subscriptions/{subscription}/resources", "resourceType eq 'Microsoft.KeyVault/vaults'"
        async with azure_call(Outside.ARM_FIND_VAULT, f"looking for the vault {vault}", deadline_s=_DEADLINE_S):
            listed = self._reader.items(path, **{"$filter": kind, "api-version": "2021-04-01"})
            found = [parsed_id async for item in listed if (parsed_id := _vault(item))]
            label = (urlsplit(vault).hostname or "").partition(".")[0].lower()
            for candidate in sorted(found, key=lambda candidate: not candidate.lower().endswith(f"/{label}")):
                document = await self._reader.get(candidate, **{"api-version": "2023-07-01"})
                if _same_address(document.get("properties", {}).get("vaultUri", ""), vault):
                    return candidate
        raise VaultNotFound(f"the subscription {subscription} shows no vault at {vault}")

    async def _missing(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> list[str]:
        """The scopes of the secrets that the principal may not read yet."""
        vault = parsed(vault_id)
        operations = self._clients.of(vault.subscription).role_assignments
        async with azure_call(Outside.ARM_READ_ACCESS, f"reading who may read {vault.name}", deadline_s=_DEADLINE_S):
            listed = operations.list_for_scope(vault_id, filter=f"principalId eq '{principal_id}'")
            held = [one.scope async for one in listed if (one.role_definition_id or "").lower().endswith(SECRETS_USER)]
        scopes = [f"{vault_id.rstrip('/')}/secrets/{secret}" for secret in secrets]
        return [scope for scope in scopes if not any(_covers(above, scope) for above in held)]


def _check(secrets: Sequence[str], principal_id: str) -> None:
    """Raises ArmIdInvalid for what must not get into a scope or a filter."""
    if not _PRINCIPAL.fullmatch(principal_id) or not all(_SECRET.fullmatch(secret) for secret in secrets):
        raise ArmIdInvalid("expected a principal's object id and the names of secrets")


def _covers(above: str, scope: str) -> bool:
    return f"{scope}/".lower().startswith(f"{above.rstrip('/')}/".lower())


def _vault(item: Any) -> str | None:
    """The id of a listed vault, None for what is none."""
    try:
        parsed(item["id"])
    except (ArmIdInvalid, KeyError, TypeError):
        return None
    return str(item["id"])


def _same_address(one: str, other: str) -> bool:
    return one.rstrip("/").lower() == other.rstrip("/").lower()
