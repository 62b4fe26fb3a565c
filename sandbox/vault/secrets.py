"""One secret with its versions, and what happens to it: the words of Key Vault's state without its rules."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec


class SecretEventKind(StrEnum):
    """What Key Vault publishes through Event Grid about secrets."""

    NEW_VERSION = "Microsoft.KeyVault.SecretNewVersionCreated"
    NEAR_EXPIRY = "Microsoft.KeyVault.SecretNearExpiry"
    EXPIRED = "Microsoft.KeyVault.SecretExpired"


class SecretEvent(msgspec.Struct, frozen=True):
    """Something happened to a version of a secret; never carries its value.

    Attributes:
        vault: the vault's name.
        secret: the secret's name.
        version: the version's id, 32 hexadecimal digits.
        not_before: the version's `nbf` in epoch seconds, None when unset.
        expires: its `exp`, the same.
    """

    kind: SecretEventKind
    vault: str
    secret: str
    version: str
    at: datetime
    not_before: int | None = None
    expires: int | None = None


class Attributes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a caller may set on a version, times in epoch seconds; None: unset, or in a patch left as it is."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None


class SecretVersion(msgspec.Struct):
    """A version; it changes only by `Vault`'s doing.

    Attributes:
        number: the order in which versions were made within the vault; the current version has the highest.
        announced: the expiry events that were published for it.
    """

    id: str
    value: str
    number: int
    created: int
    updated: int
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    content_type: str | None = None
    tags: dict[str, str] | None = None
    announced: set[SecretEventKind] = msgspec.field(default_factory=set)


class Secret(msgspec.Struct):
    """A secret and all its versions by their id, oldest first.

    Attributes:
        deleted_on: set while it is in soft delete.
        moved_at: when it was deleted, recovered or purged last, in epoch seconds with fractions: that takes its time.
    """

    name: str
    versions: dict[str, SecretVersion] = msgspec.field(default_factory=dict)
    deleted_on: int | None = None
    moved_at: float = 0.0

    @property
    def current(self) -> SecretVersion:
        """The newest version, enabled or not."""
        return max(self.versions.values(), key=lambda version: version.number)


def versions_of(secret: Secret) -> Iterator[SecretVersion]:
    """A secret's versions in the order in which Key Vault lists them: by their id, not by age (observed)."""
    yield from (secret.versions[key] for key in sorted(secret.versions))
