"""ARM ids, taken apart strictly.

The trap: an id goes into a URL that carries the app's token. Ids come from the policy and from ARM, but also from
messages and events, so an id of any other shape is refused before anything is sent.
"""

import re
from typing import Final

import msgspec

from shared.errors import PermanentError

_GUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GROUP: Final = rf"/subscriptions/({_GUID})/resourceGroups/([\w.()-]{{1,89}}[\w()-])"
_REGISTRY: Final = re.compile(
    rf"{_GROUP}/providers/Microsoft\.ContainerRegistry/registries/([A-Za-z0-9]{{5,50}})", re.IGNORECASE | re.ASCII
)
_VAULT: Final = re.compile(
    rf"{_GROUP}/providers/Microsoft\.KeyVault/vaults/([A-Za-z0-9-]{{3,24}})", re.IGNORECASE | re.ASCII
)
_SITE: Final = re.compile(
    rf"{_GROUP}/providers/Microsoft\.Web/sites/([A-Za-z0-9-]{{2,60}})(?:/slots/[A-Za-z0-9-]{{1,60}})?",
    re.IGNORECASE | re.ASCII,
)
_SUBSCRIPTION: Final = re.compile(_GUID)


class ArmIdInvalid(PermanentError):
    """Something is not the ARM id that it should be."""

    code = "arm_id_invalid"
    hint = "Copy the resource id from the portal's JSON view."


class ResourceId(msgspec.Struct, frozen=True):
    """The parts of a resource's ARM id."""

    subscription: str
    group: str
    name: str


def registry_id(text: str) -> ResourceId:
    """The parts of a registry's id; raises `ArmIdInvalid`."""
    return _parse(
        _REGISTRY,
        text,
        "a registry's id: /subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerRegistry/registries/…",
    )


def vault_id(text: str) -> ResourceId:
    """The parts of a vault's id; raises `ArmIdInvalid`."""
    return _parse(_VAULT, text, "a vault's id: /subscriptions/…/resourceGroups/…/providers/Microsoft.KeyVault/vaults/…")


def site_id(text: str) -> str:
    """The id of a site or of one of its slots as it is, without a slash at its end; raises `ArmIdInvalid`."""
    _parse(_SITE, text, "a site's id: /subscriptions/…/resourceGroups/…/providers/Microsoft.Web/sites/…")
    return text.rstrip("/")


def subscription_id(text: str) -> str:
    """The subscription's id as it is; raises `ArmIdInvalid` when it is no GUID."""
    if _SUBSCRIPTION.fullmatch(text) is None:
        raise ArmIdInvalid(f"{text[:200]!r}: expected a subscription's id, a GUID")
    return text


def _parse(pattern: re.Pattern[str], text: str, expected: str) -> ResourceId:
    found = pattern.fullmatch(text.rstrip("/"))
    if found is None:
        raise ArmIdInvalid(f"{text[:200]!r}: expected {expected}")
    return ResourceId(*found.groups())
