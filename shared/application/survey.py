"""The survey: one reading of a registry, complete enough to plan from."""

import asyncio

import msgspec

from shared.application.registry_ports import Registries, RegistryContent, VaultAccess
from shared.domain.policy import Policy
from shared.domain.policy_credentials import Credential
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.telemetry.names import Work
from shared.telemetry.spans import traced


class Survey:
    """Reads a registry: rules and credential sets from ARM, repositories from its data plane, access from the vault."""

    def __init__(
        self, *, policy: Policy, registries: Registries, content: RegistryContent, vault_access: VaultAccess
    ) -> None:
        self._policy = policy
        self._registries = registries
        self._content = content
        self._vault_access = vault_access

    @traced(Work.SURVEY)
    async def read(self, registry_id: str) -> RegistrySnapshot:
        """The registry as it is now.

        Raises:
            TemporaryError: a system that was asked is in trouble.
            PermanentError: one refuses; the identity lacks a role, or the registry does not exist.
        """
        bare = await self._registries.read(registry_id)
        repositories, *sets = await asyncio.gather(
            self._content.repositories(bare.login_server),
            *(self._with_access(registry_id, credential_set) for credential_set in bare.credential_sets),
        )
        return msgspec.structs.replace(bare, repositories=repositories, credential_sets=tuple(sets))

    async def _with_access(self, registry_id: str, credential_set: CredentialSet) -> CredentialSet:
        """Whether a set of ours may read its secrets; somebody else's set is nothing that we grant access for."""
        credential = self._ours(credential_set)
        if credential is None or not credential_set.principal_id:
            return credential_set
        granted = await self._vault_access.granted(
            await self.vault_id(registry_id, credential), credential.secrets, credential_set.principal_id
        )
        return msgspec.structs.replace(credential_set, vault_access=granted)

    async def vault_id(self, registry_id: str, credential: Credential) -> str:
        """The vault's ARM id: as the policy says, else looked up in the registry's subscription."""
        return credential.vault_id or await self._vault_access.vault_id(credential.vault, registry_id.split("/")[2])

    def _ours(self, credential_set: CredentialSet) -> Credential | None:
        credential = self._policy.credential_of(credential_set.login_server)
        return credential if credential is not None and credential.is_behind(credential_set) else None
