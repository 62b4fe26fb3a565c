"""Which trigger reads which events, and what of an event may be kept.

Events carry more than is read: Resource Manager's have names, addresses and IP addresses of people in their claims. So
whatever is recorded of an event is picked field by field, and the rest is never stored, shown or logged.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from shared.domain.events import (
    GUID,
    OBJECT_ID,
    REGISTRY_TYPES,
    ChangeHint,
    DeleteHint,
    Event,
    NotForUs,
    PushHint,
    is_unicode,
    registry_hint,
    resource_hint,
)
from shared.domain.vault_events import VaultEvent, vault_hint

REGISTRY_EVENTS: Final = "registry_events"
RESOURCE_EVENTS: Final = "resource_events"
VAULT_EVENTS: Final = "vault_events"
UNKNOWN_EVENTS: Final = "unknown"
"""Stands for the trigger of an event of a type that none takes."""

type Hint = PushHint | DeleteHint | ChangeHint | VaultEvent

READERS: Final[Mapping[str, Callable[[Event], Hint | NotForUs]]] = {
    REGISTRY_EVENTS: registry_hint,
    RESOURCE_EVENTS: resource_hint,
    VAULT_EVENTS: vault_hint,
}

_PROVIDERS: Final = {
    "microsoft.containerregistry": REGISTRY_EVENTS,
    "microsoft.resources": RESOURCE_EVENTS,
    "microsoft.keyvault": VAULT_EVENTS,
}

_LONGEST_TEXT: Final = 2048


def trigger_of(document: Mapping[str, Any]) -> str:
    """The trigger that takes events of a document's type, `UNKNOWN_EVENTS` where none does."""
    kind = document.get("type" if "specversion" in document else "eventType")
    if not isinstance(kind, str):
        return UNKNOWN_EVENTS
    if kind in REGISTRY_TYPES:  # ACR's own samples leave the provider out (documented)
        return REGISTRY_EVENTS
    return _PROVIDERS.get(kind.rpartition(".")[0].lower(), UNKNOWN_EVENTS)


def trimmed(document: Mapping[str, Any]) -> dict[str, Any]:
    """An event's document with what is read of it, and nothing else; it reads like the whole one."""
    return _picked(document, _EVENT)


def _text(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | datetime)


def _guid(value: Any) -> bool:
    return isinstance(value, str) and GUID.fullmatch(value) is not None


type _Shape = Mapping[str, "_Shape | Callable[[Any], bool]"]

_EVENT: Final[_Shape] = {
    "specversion": _text,
    "id": _text,
    "topic": _text,
    "source": _text,
    "subject": _text,
    "eventtype": _text,
    "type": _text,
    "eventtime": _text,
    "time": _text,
    "data": {
        "target": {"mediatype": _text, "repository": _text, "digest": _text, "tag": _text, "version": _text},
        "connectedregistry": {},
        "authorization": {"evidence": {"principalid": _guid}},
        "claims": {OBJECT_ID: _guid},
        "id": _text,
        "vaultname": _text,
        "objecttype": _text,
        "objectname": _text,
        "version": _text,
        "nbf": _text,
        "exp": _text,
    },
}


def _picked(document: Mapping[str, Any], shape: _Shape) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        wanted = shape.get(str(key).strip().lower())
        if isinstance(wanted, Mapping):
            found[key] = _picked(value, wanted) if isinstance(value, Mapping) else _hollow(value)
        elif wanted is _text:
            found[key] = _kept(value)
        elif wanted is not None and wanted(value):
            found[key] = value
    return found


def _kept(value: Any) -> Any:
    """A text's beginning, a number or a time as it is; a text that nothing can store is no text in what is kept."""
    if not _text(value):
        return _hollow(value)
    if not isinstance(value, str):
        return value
    return value[:_LONGEST_TEXT] if is_unicode(value) else []


def _hollow(value: Any) -> Any:
    """An empty value of the same type: a field of a wrong type makes the trimmed event unreadable too."""
    return None if value is None else type(value)()
