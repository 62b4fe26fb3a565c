"""Key Vault's events in Event Grid's schema.

The quirks are the documentation's own sample: a key with a space at its end, a version with one at its start, times as
texts. A receiver that does not expect them fails on the real thing too.
"""

from typing import Any
from uuid import uuid4

from sandbox.vault.secrets import SecretEvent


def vault_event(event: SecretEvent, *, vault_id: str, vault_url: str) -> dict[str, Any]:
    """The event as the vault's system topic publishes it; it never carries the secret's value."""
    return {
        "id": str(uuid4()),
        "topic": vault_id,
        "subject": event.secret,
        "eventType": event.kind.value,
        "eventTime": event.at.isoformat().replace("+00:00", "Z"),
        "data": {
            "Id": f"{vault_url}/secrets/{event.secret}/{event.version}",
            "VaultName": event.vault,
            "ObjectType": "Secret",
            "ObjectName ": event.secret,
            "Version": f" {event.version}",
            "NBF": _text(event.not_before),
            "EXP": _text(event.expires),
        },
        "dataVersion": "1",
        "metadataVersion": "1",
    }


def _text(seconds: int | None) -> str | None:
    return None if seconds is None else str(seconds)
