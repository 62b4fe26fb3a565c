"""The event subscriptions: each function that hears events is subscribed, and to everything that it is there for."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from shared.application.doctor import commands
from shared.application.doctor.credentials import CredentialChecks
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, failing, together, unknown, warning
from shared.application.doctor.place import Place
from shared.application.doctor.ports import EventSubscription, Surroundings
from shared.application.doctor.roles import may_see
from shared.domain.counting import counted
from shared.domain.policy import Policy


class Wanted(msgspec.Struct, frozen=True):
    """A function and the events that it has to hear."""

    function: str
    types: tuple[str, ...]


_ACR: Final = "Microsoft.ContainerRegistry"
WANTED: Final[Mapping[str, Wanted]] = {
    "registry": Wanted(
        "registry_events",
        (f"{_ACR}.ImagePushed", f"{_ACR}.ImageDeleted", f"{_ACR}.ChartPushed", f"{_ACR}.ChartDeleted"),
    ),
    "group": Wanted(
        "resource_events", ("Microsoft.Resources.ResourceWriteSuccess", "Microsoft.Resources.ResourceDeleteSuccess")
    ),
    "vault": Wanted(
        "vault_events",
        (
            "Microsoft.KeyVault.SecretNearExpiry",
            "Microsoft.KeyVault.SecretExpired",
            "Microsoft.KeyVault.SecretNewVersionCreated",
        ),
    ),
}
"""What infra/events.json subscribes, by the kind of source; a test compares them."""


def event_checks(
    policy: Policy, *, surroundings: Surroundings, credentials: CredentialChecks, place: Place
) -> Iterator[Check]:
    """The events of each registry, of its resource group, and of each vault."""

    async def look(kind: str, source_id: str) -> Judgement:
        if place.app_id is None:
            return unknown("which app should hear them is not known", "the app's ARM id: --app")
        found = await surroundings.event_subscriptions(source_id)
        group = "/".join(source_id.split("/")[:5])
        if not found and not await may_see(surroundings, group, "Microsoft.EventGrid/systemTopics/read"):
            return unknown("no system topic can be seen", "somebody who may look")
        return subscriptions_judged(found, WANTED[kind], place.app_id)

    async def look_at_vault(name: str) -> Judgement:
        return await look("vault", await credentials.vault_id(policy.credentials[name]))

    expected = "subscriptions that can be read"
    for registry in policy.registries:
        yield Check(f"events of {registry.name}", expected, partial(look, "registry", registry.id), spare=True)
    for group in sorted({"/".join(registry.id.split("/")[:5]) for registry in policy.registries}):
        what = f"events of resource group {group.rpartition('/')[2]}"
        yield Check(what, expected, partial(look, "group", group), spare=True)
    for name in policy.credentials:
        yield Check(f"events of the vault of {name}", expected, partial(look_at_vault, name), spare=True)


def subscriptions_judged(found: Sequence[EventSubscription], wanted: Wanted, app_id: str) -> Judgement:
    """What a source's subscriptions mean for the function of an app."""
    function = f"{app_id.rstrip('/')}/functions/{wanted.function}".lower()
    ours = [one for one in found if one.function_id.lower() == function]
    if not ours:
        return failing(f"nothing calls {wanted.function}", "a subscription that calls it", commands.WIRE)
    everything = any(not one.event_types for one in ours)
    heard = {kind.lower() for one in ours for kind in one.event_types}
    missing = [kind for kind in wanted.types if not everything and kind.lower() not in heard]
    problems = [
        failing(f"{one.name} is {one.state}", "a subscription in state Succeeded", commands.WIRE)
        for one in ours
        if one.state != "Succeeded"
    ]
    if missing:
        problems.append(failing(f"it does not hear {', '.join(missing)}", "every type", commands.WIRE))
    problems += [
        warning(f"{one.name} drops what it can't deliver", "a container for dead letters", commands.WIRE)
        for one in ours
        if not one.keeps_failures
    ]
    return together(problems, otherwise=f"{wanted.function} hears {counted(len(wanted.types), 'type')}")
