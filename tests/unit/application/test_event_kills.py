"""Events and kill -9: a worker dies at any of its calls, its message comes again, and the accounts are the same."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from shared.application.assembly import Application
from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.registry_ports import NotServed
from shared.domain.event_readers import REGISTRY_EVENTS, RESOURCE_EVENTS, VAULT_EVENTS
from tests.fakes.application import TestApplication
from tests.fakes.fuse import Fused, Killed
from tests.fakes.rotation import TARGET, RotatingApplication
from tests.fixtures.events import changed, cured, deleted, outcome, pushed, secret_event

_FUSED = ("deliveries", "incidents", "outbox", "drift_records", "queue", "rotations")
_COMES_AGAIN_S = 600
"""How long a message that somebody took is hidden: by then a killed worker's leases have ended."""

type Scene = Callable[[], Awaitable[tuple[TestApplication, str, dict[str, Any]]]]


async def push() -> tuple[TestApplication, str, dict[str, Any]]:
    """An image is pushed whose base nothing covers."""
    world = TestApplication()
    world.lineage.bases["app"] = ("docker.io/library/nginx:1.27",)
    return world, REGISTRY_EVENTS, pushed("app")


async def fill() -> tuple[TestApplication, str, dict[str, Any]]:
    """The cache fills, for which an applied incident has waited."""
    world = TestApplication()
    world.failing("nginx:1.27")
    world.content.trouble["manifest"] = [NotServed("not yet")] * 3
    await world.alert()
    await world.app.remediation.handle(read_remediation(world.queue.take(REMEDIATIONS)[0]))
    world.content.trouble["manifest"].clear()
    world.queue.take(REMEDIATIONS)
    return world, REGISTRY_EVENTS, pushed(TARGET, "1.27")


async def deletion() -> tuple[TestApplication, str, dict[str, Any]]:
    """Somebody deletes a cached image."""
    world = await cured()
    world.clock.advance(3600)
    return world, REGISTRY_EVENTS, deleted(TARGET)


async def drift() -> tuple[TestApplication, str, dict[str, Any]]:
    """Somebody deletes a rule."""
    world = await cured()
    [name] = world.registries.rules
    del world.registries.rules[name]
    return world, RESOURCE_EVENTS, changed(name)


async def expiry() -> tuple[TestApplication, str, dict[str, Any]]:
    """A token has expired."""
    return RotatingApplication(), VAULT_EVENTS, secret_event()


async def bad_token() -> tuple[TestApplication, str, dict[str, Any]]:
    """A person writes a token that Docker Hub refuses."""
    world = RotatingApplication()
    world.most_bad_logins = 3
    written = world.vaults.put("dockerhub-token", "not-a-token")
    address = f"https://contoso-kv.vault.azure.net/secrets/dockerhub-token/{written.version}"
    data = {"Id": address, "ObjectName": "dockerhub-token", "Version": written.version}
    return world, VAULT_EVENTS, secret_event("SecretNewVersionCreated", data=data)


def mortal(world: TestApplication) -> Application:
    """A worker that dies at whatever call the world's fuse says."""
    ports = world.ports()
    fused = {name: Fused(name, getattr(ports, name), world.fuse) for name in _FUSED}
    return world.another(ports=msgspec.structs.replace(ports, **fused))


async def begin(scene: Scene) -> tuple[TestApplication, bytes]:
    """The world with the event on the queue, and its message."""
    world, trigger, event = await scene()
    assert (await world.app.events.accept(trigger, event)).outcome == "queued"
    [body] = world.queue.take(REMEDIATIONS)
    world.fuse.calls.clear()
    return world, body


async def end(world: TestApplication) -> tuple[Any, ...]:
    """Everything that has to be the same, however often a worker died."""
    await world.work()
    states = {source: incident.state for source, incident in (await world.all_incidents()).items()}
    totals = await world.deliveries.totals()
    assert totals.add_up
    return await outcome(world), states, Counter(notice.kind for notice in world.topic.sent), totals.outcomes


async def is_killed(world: TestApplication, body: bytes) -> bool:
    """Have a worker handle the message until the fuse blows; False when it got to the end."""
    killed = False
    try:
        await mortal(world).remediation.handle(read_remediation(body))
    except* Killed:
        killed = True
    return killed


def later(world: TestApplication) -> None:
    """The killed worker's message comes back; meanwhile Azure has ended what was begun."""
    world.fuse.mend()
    world.registries.end_all()
    world.clock.advance(_COMES_AGAIN_S)


SCENES = pytest.mark.parametrize("scene", [push, fill, deletion, drift, expiry, bad_token])


class TestKilled:
    """One kill in the work on one event."""

    @SCENES
    async def test_at_any_call_the_accounts_are_the_same(self, scene: Scene) -> None:
        """What the event led to, the incidents' states, what people hear, and every delivery once."""
        world, body = await begin(scene)
        await mortal(world).remediation.handle(read_remediation(body))
        calls = list(world.fuse.calls)
        expected = await end(world)
        assert expected[0][0] in {"incident", "credential"}
        assert calls[-1] == "deliveries.finish"

        for at in range(1, len(calls) + 1):
            for after in (False, True):
                world, body = await begin(scene)
                world.fuse.blow(at, after=after)
                assert await is_killed(world, body) or after  # a fake's reads don't end after they are answered
                later(world)
                await world.app.remediation.handle(read_remediation(body))

                assert await end(world) == expected, f"killed {'after' if after else 'before'} {at}: {calls[at - 1]}"

    @SCENES
    async def test_two_workers_on_one_message_agree(self, scene: Scene) -> None:
        """At once: whoever finds in order what the other has done does not say that there was nothing to do."""
        world, body = await begin(scene)
        await world.app.remediation.handle(read_remediation(body))
        expected = await end(world)

        world, body = await begin(scene)
        message = read_remediation(body)
        await asyncio.gather(*(app.remediation.handle(message) for app in (world.app, world.another())))

        assert await end(world) == expected
