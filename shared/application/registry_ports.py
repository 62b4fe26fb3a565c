"""Registries: what is made in them through Resource Manager, who may read their secrets, what they serve."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from shared.domain.operations import Operation
from shared.domain.plans import AttachCredentialSet, CreateCacheRule, CreateCredentialSet
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.errors import CachewardenError, PermanentError, TemporaryError


class OperationUntold(PermanentError):
    """A cache rule or credential set could not be made, and Azure no longer says why."""

    code = "operation_untold"
    hint = "Look at the registry's activity log; making it again tells the reason."


class Registries(Protocol):
    """Registries' cache rules and credential sets in ARM.

    What is created takes Azure a while: the answer is the operation that runs then, or None when what is wanted is
    there. One of that name that is there and differs is a `PermanentError`.
    """

    async def read(self, registry_id: str) -> RegistrySnapshot:
        """Rules and credential sets as they are now; `repositories` empty, `vault_access` None."""

    async def credential_set(self, registry_id: str, name: str) -> CredentialSet | None:
        """One credential set with its health, None when there is none."""

    async def create_credential_set(self, registry_id: str, action: CreateCredentialSet) -> Operation | None:
        """Create it."""

    async def create_cache_rule(self, registry_id: str, action: CreateCacheRule) -> Operation | None:
        """Create it."""

    async def attach_credential_set(self, registry_id: str, action: AttachCredentialSet) -> Operation | None:
        """Give a rule its credential set."""

    async def until_ended(self, registry_id: str, operation: Operation) -> CachewardenError | None:
        """Wait for the end of an operation, also of one that another worker began.

        Returns:
            What it failed of, `OperationUntold` where that is not known any more; None when it did not fail.

        Raises:
            TemporaryError: the end can't be told now; the operation goes on.
        """


class VaultAccess(Protocol):
    """Who may read which secret of a vault."""

    async def granted(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> bool:
        """Whether the principal holds Key Vault Secrets User on the vault or on each of the secrets."""

    async def grant(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> None:
        """Give it Key Vault Secrets User on each of the secrets; what it has already stays."""

    async def vault_id(self, vault: str, subscription_id: str) -> str:
        """The ARM id of the vault at an address; raises `PermanentError` when it can't be found."""


class ServedManifest(msgspec.Struct, frozen=True):
    """A manifest that a registry served.

    Attributes:
        digest: the digest of the bytes that came, computed here.
        media_type: what it is.
        origin: `upstream` while ACR fetches it, `cache` when it serves its own copy.
        platforms: for an index, the digests of its image manifests by platform (`linux/amd64`); else empty.
    """

    digest: str
    media_type: str
    origin: str
    platforms: Mapping[str, str] = {}


class NotServed(TemporaryError):
    """The registry does not serve the manifest yet, or refuses it for a reason that may pass; `code` is its own."""

    code = "not_served"


class NotThere(NotServed):
    """The registry has no such manifest, or not yet."""

    code = "not_there"


class PullRefused(PermanentError):
    """The registry refuses the manifest for a reason that does not pass by itself; `code` is its own."""

    code = "pull_refused"


class RegistryContent(Protocol):
    """A registry's data plane."""

    async def repositories(self, login_server: str) -> frozenset[str]:
        """The names of the repositories that exist."""

    async def manifest(self, login_server: str, repository: str, reference: str) -> ServedManifest:
        """Pull a manifest by tag or digest; raises `NotServed` or `PullRefused`."""
