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
_LONGEST: Final = 2048
_RESOURCE_GROUP: Final = re.compile(_GROUP, re.IGNORECASE | re.ASCII)
_SEGMENT: Final = r"(?!\.+(?:/|$))[\w.()-]+"
_RESOURCE: Final = re.compile(
    rf"(?:/subscriptions/{_GUID}(?:/resourceGroups/{_SEGMENT})?)?(?:/providers/{_SEGMENT}(?:/{_SEGMENT}/{_SEGMENT})+)*",
    re.IGNORECASE | re.ASCII,
)


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


def principal_id(text: str) -> str:
    """A principal's object id as it is; raises `ArmIdInvalid` when it is no GUID."""
    if _SUBSCRIPTION.fullmatch(text) is None:
        raise ArmIdInvalid(f"{text[:200]!r}: expected a principal's object id, a GUID")
    return text


def group_id(text: str) -> tuple[str, str]:
    """The subscription and the name of a resource group's id; raises `ArmIdInvalid`."""
    found = _RESOURCE_GROUP.fullmatch(text.rstrip("/"))
    if found is None:
        raise ArmIdInvalid(f"{text[:200]!r}: expected a resource group's id: /subscriptions/…/resourceGroups/…")
    return found[1], found[2]


def resource_id(text: str) -> str:
    """The id of anything in ARM as it is, without a slash at its end; raises `ArmIdInvalid`."""
    found = text.rstrip("/")
    if not found or len(found) > _LONGEST or _RESOURCE.fullmatch(found) is None:
        raise ArmIdInvalid(f"{text[:200]!r}: expected an ARM id")
    return found


def _parse(pattern: re.Pattern[str], text: str, expected: str) -> ResourceId:
    found = pattern.fullmatch(text.rstrip("/"))
    if found is None:
        raise ArmIdInvalid(f"{text[:200]!r}: expected {expected}")
    return ResourceId(*found.groups())
