"""Key Vault's events about secrets, read as the hints that they are.

The trap: the documentation's own sample has a key with a space at its end and a version with one at its start, and
times as texts where its table says numbers. An event names a secret; it never chooses an address that is called.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from shared.domain.events import Event, EventUnreadable, NotForUs
from shared.domain.policy_credentials import Credential
from shared.domain.rotation import next_secret


class VaultEventKind(StrEnum):
    """The events that matter here."""

    NEW_VERSION = "Microsoft.KeyVault.SecretNewVersionCreated"
    NEAR_EXPIRY = "Microsoft.KeyVault.SecretNearExpiry"
    EXPIRED = "Microsoft.KeyVault.SecretExpired"


class SecretRole(StrEnum):
    """What a secret is to a credential."""

    USERNAME = "username"
    TOKEN = "token"  # noqa: S105 - a role
    NEXT = "next"
    OWNER = "owner"


class VaultEvent(msgspec.Struct, frozen=True, tag="vault"):
    """Something happened to a version of a secret; `vault` is the host in its id."""

    kind: VaultEventKind
    vault: str
    secret: str
    version: str


def read_vault_event(kind: str, data: object) -> VaultEvent | None:
    """The event, None when it is of another kind or says nothing that can be read."""
    try:
        known = VaultEventKind(kind.strip())
    except ValueError:
        return None
    if not isinstance(data, Mapping):
        return None
    fields = {str(key).strip().lower(): value for key, value in data.items()}
    address = urlsplit(_text(fields, "id"))
    segments = address.path.strip("/").split("/")
    if segments[0] != "secrets" or len(segments) not in {2, 3}:
        return None
    version = _text(fields, "version") or (segments[2] if len(segments) > 2 else "")  # noqa: PLR2004 - has a version
    return VaultEvent(known, address.netloc.lower(), segments[1].lower(), version)


def vault_hint(event: Event) -> VaultEvent | NotForUs:
    """What an event of a vault hints at.

    Raises:
        EventUnreadable: it names no secret.
    """
    if event.type.strip() not in set(VaultEventKind):
        return NotForUs("not_a_secret_event")
    found = read_vault_event(event.type, event.data)
    if found is None:
        raise EventUnreadable("the event names no secret: data.Id expected")
    return found


def role_of(event: VaultEvent, credential: Credential) -> SecretRole | None:
    """What the event's secret is to a credential, None when it is none of its own."""
    if urlsplit(credential.vault).netloc.lower() != event.vault:
        return None
    roles = {
        credential.token_secret.lower(): SecretRole.TOKEN,
        next_secret(credential.token_secret).lower(): SecretRole.NEXT,
        credential.username_secret.lower(): SecretRole.USERNAME,
    }
    if credential.owner_secret is not None:
        roles.setdefault(credential.owner_secret.lower(), SecretRole.OWNER)
    return roles.get(event.secret)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value).strip()[:2048]
