"""What ARM's container registries ask of the other services: the registry, the vaults, Docker Hub.

The trap they avoid: a credential set is healthy because its own identity can read the vault and the upstream takes what
it read, not because somebody said so.
"""

from enum import StrEnum
from typing import Protocol


class RepositoryIndex(Protocol):
    """What the registry's data plane holds."""

    def repositories(self, registry: str) -> frozenset[str]:
        """The names of the repositories that exist in the registry."""


class Repositories:
    """What several data planes hold; each answers for its own registry, and nothing is held until one is connected."""

    def __init__(self, *planes: RepositoryIndex) -> None:
        self._planes = planes

    def repositories(self, registry: str) -> frozenset[str]:
        """The names of the repositories that exist in the registry."""
        return frozenset().union(*(plane.repositories(registry) for plane in self._planes))


class Unreadable(StrEnum):
    """Why a credential set can't get at a secret."""

    UNKNOWN_VAULT = "unknown_vault"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    DISABLED = "disabled"
    EXPIRED = "expired"


class SecretUnreadable(Exception):
    """A secret can't be read by who asked; names the secret, never its value."""

    def __init__(self, identifier: str, reason: Unreadable) -> None:
        self.identifier = identifier
        self.reason = reason
        super().__init__(f"{identifier}: {reason}")


class SecretReader(Protocol):
    """The vaults, read as some principal."""

    def read_secret(self, identifier: str, *, principal_id: str) -> str:
        """The value behind a secret's id, versionless or not; raises `SecretUnreadable`."""


class UpstreamLogin(Protocol):
    """Docker Hub's verdict on a pair of credentials."""

    async def accepts(self, username: str, password: str) -> bool:
        """Whether they are good, without counting as a pull."""
