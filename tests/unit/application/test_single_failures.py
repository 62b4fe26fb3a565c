"""One call fails, whichever it is: the outside refuses or is in trouble, a record was changed, or the worker is killed.

A delivery of each kind is taken from its arrival to its last notice by an application all of whose calls to stores,
queues and outside systems go through a fuse. Then once more for each of these calls, which fails before it has an
effect, or after it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

import msgspec
import pytest

from shared.application.assembly import Application
from shared.application.delivery_ports import PENDING
from shared.application.messages import NOTIFICATIONS, REMEDIATIONS, read_notification, read_remediation
from shared.application.ports import Changed
from shared.domain.incidents import ACTIVE, Incident, IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.errors import CachewardenError, PermanentError, TemporaryError
from tests.fakes.application import TestApplication
from tests.fakes.fuse import Fused, Killed
from tests.fixtures.event_scenes import ALERTS, Arrange, Scene, alert, bad_token, deletion, drift, expiry, fill, push

STORES: Final = frozenset({"deliveries", "incidents", "outbox", "drift_records", "rotations", "leases", "payloads"})
OUTSIDE: Final = frozenset({"registries", "content", "vault_access", "lineage", "logs", "vaults", "hub"})
_COMES_AGAIN_S: Final = 600
"""How long a message that somebody took is hidden: by then a killed worker's leases have ended."""

_ROUNDS: Final = 40

SCENES = pytest.mark.parametrize("arrange", [alert, push, fill, deletion, drift, expiry, bad_token])


class End(msgspec.Struct, frozen=True):
    """How a delivery ended.

    Attributes:
        outcomes: outcome → how many deliveries.
        summary: what came of the delivery, in a few words.
        states: upstream repository → its incident's state.
        notices: what people were told: kind → how many notices; the same one again is no second one.
        rules: how often each rule and credential set was put.
    """

    outcomes: dict[str, int]
    summary: str
    states: dict[str, IncidentState]
    notices: Counter[NoticeKind]
    rules: Counter[str]


def mortal(world: TestApplication) -> Application:
    """An application whose calls go through the world's fuse."""
    ports = world.ports()
    fused = {name: Fused(name, getattr(ports, name), world.fuse) for name in (*STORES, *OUTSIDE, "queue")}
    return world.another(ports=msgspec.structs.replace(ports, **fused))


async def arrive(app: Application, scene: Scene) -> None:
    """Deliver it, as whoever sent it does: again after trouble."""
    if scene.trigger == ALERTS:
        await app.intake.accept(msgspec.json.encode(scene.document))
    else:
        await app.events.accept(scene.trigger, scene.document)


async def handle(app: Application, queue: str, body: bytes) -> None:
    """What the queue's trigger does with a message."""
    if queue == REMEDIATIONS:
        await app.remediation.handle(read_remediation(body))
    else:
        await app.notification.deliver(read_notification(body))


def later(world: TestApplication) -> None:
    """Whatever was refused or left lying comes back."""
    world.fuse.mend()
    world.clock.advance(_COMES_AGAIN_S)


async def live(scene: Scene) -> End:
    """Take the delivery to its end as a host does: what fails comes again, and what stands still is swept up."""
    world, app = scene.world, mortal(scene.world)
    world.fuse.calls.clear()
    is_accepted = False
    [stuck] = [chore for chore in world.app.chores if chore.name == "stuck-incidents"]
    for _ in range(_ROUNDS):
        if not is_accepted:
            try:
                await arrive(app, scene)
                is_accepted = True
            except* (CachewardenError, Killed):
                later(world)
        world.clock.advance(max((message.delay_s for message in world.queue.sent), default=0))
        world.registries.end_all()
        waiting = [(queue, body) for queue in (REMEDIATIONS, NOTIFICATIONS) for body in world.queue.take(queue)]
        for queue, body in waiting:
            try:
                await handle(app, queue, body)
            except* (CachewardenError, Killed):
                later(world)
                await world.queue.send(queue, body)
        if is_accepted and not waiting:
            if not [i async for i in open_ones(world)]:
                return await end_of(world)
            world.clock.advance(_COMES_AGAIN_S)
            await stuck.run()
    raise AssertionError(f"there is no end: {await end_of(world)}")


async def open_ones(world: TestApplication) -> AsyncIterator[Incident]:
    """The incidents that a worker still has something to do for."""
    for incident in (await world.all_incidents()).values():
        if incident.state in ACTIVE:
            yield incident


async def end_of(world: TestApplication) -> End:
    """How everything stands."""
    *_, last = [delivery async for delivery in world.deliveries.kept()]
    totals = await world.deliveries.totals()
    assert totals.add_up
    return End(
        outcomes=totals.outcomes,
        summary=last.summary,
        states={source: incident.state for source, incident in (await world.all_incidents()).items()},
        notices=Counter({notice.id: notice.kind for notice in world.topic.sent}.values()),
        rules=Counter(world.registries.puts),
    )


async def calls_of(arrange: Arrange) -> tuple[list[str], End]:
    """The calls of a night in which nothing fails, in order, and how it ends."""
    scene = await arrange()
    end = await live(scene)
    return list(scene.world.fuse.calls), end


class TestOneFailure:
    """The end of a night in which one call fails."""

    @SCENES
    async def test_a_killed_worker_is_not_missed(self, arrange: Arrange) -> None:
        """Before or after any call: what it led to, states, notices and puts are the same."""
        calls, expected = await calls_of(arrange)
        for at, call in enumerate(calls, 1):
            for after in (False, True):
                scene = await arrange()
                scene.world.fuse.blow(at, after=after)
                assert await live(scene) == expected, f"killed {'after' if after else 'before'} {at}: {call}"

    @SCENES
    async def test_trouble_that_passes_is_not_seen_in_the_end(self, arrange: Arrange) -> None:
        """Whether or not the call had its effect when its answer was lost."""
        calls, expected = await calls_of(arrange)
        for at, call in enumerate(calls, 1):
            for after in (False, True):
                scene = await arrange()
                scene.world.fuse.blow(at, after=after, error=TemporaryError("unavailable", code="ServerBusy"))
                assert await live(scene) == expected, f"trouble {'after' if after else 'before'} {at}: {call}"

    @SCENES
    async def test_a_record_that_somebody_changed_is_read_again(self, arrange: Arrange) -> None:
        """Each write to a store is refused once for its ETag; an insert finds its own row, which the SDK sent twice."""
        calls, expected = await calls_of(arrange)
        for at, call in enumerate(calls, 1):
            if call.partition(".")[0] in STORES:
                scene, after = await arrange(), call.endswith(".insert")
                scene.world.fuse.blow(at, after=after, error=Changed("changed since it was read"))
                assert await live(scene) == expected, f"changed at {at}: {call}"

    @SCENES
    async def test_a_refusal_for_good_is_told(self, arrange: Arrange) -> None:
        """The delivery is accounted for, no incident stays open, nothing is put twice, people hear of what failed."""
        calls, expected = await calls_of(arrange)
        for at, call in enumerate(calls, 1):
            if call.partition(".")[0] in OUTSIDE:
                scene = await arrange()
                scene.world.fuse.blow(at, after=False, error=PermanentError("not allowed", code="Forbidden"))
                end, what = await live(scene), f"refused at {at}: {call}"
                assert sum(end.outcomes.values()) == sum(expected.outcomes.values()), what
                assert end.outcomes.get(PENDING) == expected.outcomes.get(PENDING), what
                assert end.rules <= expected.rules, what
                failed = [state for state in end.states.values() if state is IncidentState.FAILED]
                assert end.notices[NoticeKind.INCIDENT_FAILED] >= len(failed), what

    @SCENES
    async def test_two_workers_on_one_message_agree(self, arrange: Arrange) -> None:
        """At once: whoever finds in order what the other has done does not say that there was nothing to do."""
        _, expected = await calls_of(arrange)
        scene = await arrange()
        await arrive(scene.world.app, scene)
        for body in scene.world.queue.take(REMEDIATIONS):
            apps = (scene.world.app, scene.world.another())
            await asyncio.gather(*(handle(app, REMEDIATIONS, body) for app in apps))
        await scene.world.work()

        assert await end_of(scene.world) == expected
