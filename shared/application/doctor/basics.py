"""Who asks, what time it is, and which versions meet."""

import sys
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from shared.application.doctor import commands
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, failing, ok, warning
from shared.application.doctor.place import Place
from shared.application.doctor.ports import Surroundings
from shared.application.ports import Clock
from shared.errors import CachewardenError
from shared.version import VERSION

_PYTHON: Final = (3, 13)
_WORST_S: Final = 300
"""A token is refused by clocks that differ by more (documented for Entra ID: five minutes)."""
_BAD_S: Final = 30
_PROVIDERS: Final = {
    "Microsoft.ContainerRegistry": ("registries", "2025-11-01"),
    "Microsoft.EventGrid": ("systemTopics", "2025-02-15"),
    "Microsoft.KeyVault": ("vaults", "2023-07-01"),
}
"""What a cloud has to offer: a type of each provider, in the version that the app or its templates ask for."""


def basic_checks(surroundings: Surroundings, clock: Clock, place: Place, subscription: str) -> Iterator[Check]:
    """Identity, clock, versions."""

    async def identity() -> Judgement:
        """Nothing else can be looked at without it, so its trouble has a command of its own."""
        try:
            caller = await surroundings.caller()
        except CachewardenError as error:
            mend = commands.PROVISION if place.inside else commands.az("login")
            return failing(f"{error.code}: {error}", error.hint or "a sign-in", mend)
        whose = "the app's identity" if place.inside else "your own sign-in"
        return ok(f"{whose}: object id {caller.object_id} in tenant {caller.tenant_id}")

    async def time() -> Judgement:
        return clock_judged(clock.now(), await surroundings.time())

    async def versions() -> Judgement:
        return versions_judged(place.templates)

    async def provider(namespace: str) -> Judgement:
        kind, wanted = _PROVIDERS[namespace]
        offered = (await surroundings.api_versions(subscription, namespace)).get(kind.lower(), frozenset())
        if wanted in offered:
            return ok(f"{namespace}/{kind} in version {wanted}")
        if not offered:
            register = commands.az("provider", "register", "--subscription", subscription, "--namespace", namespace)
            return failing(f"{namespace} is not registered", "a registered provider", register)
        return failing(
            f"{namespace}/{kind} up to version {max(offered)}",
            f"version {wanted}: this cloud is behind, and this version of Cachewarden can't work in it",
        )

    yield Check("identity", "a sign-in", identity)
    yield Check("clock", "a clock within seconds of Azure's", time)
    yield Check("versions", "code and templates of one version", versions)
    for namespace in _PROVIDERS:
        yield Check(f"provider {namespace}", "a registered provider", partial(provider, namespace), spare=True)


def clock_judged(ours: datetime, theirs: datetime) -> Judgement:
    """What a difference between our clock and Azure's means."""
    behind = (theirs - ours).total_seconds()
    seen = f"our clock is {abs(behind):.0f} s {'behind' if behind > 0 else 'ahead'}"
    expected = "a clock set by NTP: tokens and leases are judged by it"
    if abs(behind) >= _WORST_S:
        return failing(seen, expected, "sudo timedatectl set-ntp true")
    if abs(behind) >= _BAD_S:
        return warning(seen, expected, "sudo timedatectl set-ntp true")
    return ok(f"within {_BAD_S} s of Azure's")


def versions_judged(templates: str | None) -> Judgement:
    """Whether interpreter, code and templates fit; `templates` is None where the app does not say."""
    python = ".".join(map(str, sys.version_info[:3]))
    worker = ", ".join(f"{name} {_installed(name)}" for name in ("azure-functions", "azure-functions-runtime"))
    seen = f"Cachewarden {VERSION}, Python {python}, {worker}"
    if sys.version_info[:2] != _PYTHON:
        return failing(seen, f"Python {'.'.join(map(str, _PYTHON))}")
    if templates is None:
        return ok(f"{seen}; the templates' version is not known")
    if templates != VERSION:
        return warning(f"{seen}; templates {templates}", f"templates {VERSION}, the code's version", commands.PROVISION)
    return ok(f"{seen}, templates {templates}")


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
