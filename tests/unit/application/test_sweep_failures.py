"""One call of a sweep fails, whichever it is: the chore's next turn does what is left, and no other chore notices."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Final

import msgspec
import pytest

from shared.application.assembly import Application
from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.ports import Changed
from shared.application.sweep_ports import Kept
from shared.domain.incidents import IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.errors import CachewardenError, PermanentError, TemporaryError
from tests.fakes.application import log_alert
from tests.fakes.fuse import Fused, Killed
from tests.fakes.rotation import RotatingApplication
from tests.fixtures.events import pushed

STORES: Final = frozenset(
    {"deliveries", "incidents", "outbox", "rotations", "leases", "letters", "samples", "chore_runs", "channel_states"}
)
OUTSIDE: Final = frozenset({"registries", "content", "vault_access", "logs", "event_letters", "queue", "archive"})
"""Beside Docker Hub and the vaults, whose fakes have the fuse themselves."""

BOOKKEEPING: Final = frozenset({"leases", "chore_runs"})
"""Without these the sweep can't tell what is due; the timer comes again in a minute."""

_HOURS: Final = 2


class End(msgspec.Struct, frozen=True):
    """How everything stands after some sweeps.

    Attributes:
        outcomes: outcome → how many deliveries.
        states: upstream repository → its incident's state.
        notices: what people were told: kind → how many notices; the same one again is no second one.
        rules: how often each rule and credential set was put.
        letters: how many dead letters there are.
        files: what Event Grid left and nobody has read.
        leases: how many leases were left behind.
        errors: chore → what its last run failed of.
    """

    outcomes: dict[str, int]
    states: dict[str, IncidentState]
    notices: Counter[NoticeKind]
    rules: Counter[str]
    letters: int
    files: tuple[str, ...]
    leases: int
    errors: dict[str, str]


async def arranged() -> RotatingApplication:
    """A world with something to do for every chore."""
    world = RotatingApplication()
    await world.leases.acquire("registry-gone", "killed", 60)
    await world.seed()  # a cured incident, of which nothing is heard for eight days
    world.clock.advance(timedelta(days=8).total_seconds())
    world.failing("httpd:2")
    world.registries.trouble["read"] = [Killed("its message is lost")]
    await world.alert(log_alert(fired=world.clock.now()))
    [body] = world.queue.take(REMEDIATIONS)
    with suppress(Killed):
        await world.app.remediation.handle(read_remediation(body))
    world.queue.take(REMEDIATIONS)
    world.event_letters.files["X/2026/11/24/5/3c0d.json"] = msgspec.json.encode([pushed("app")])
    world.failing("bitnami/redis:7")  # which no alert announces
    world.clock.advance(3600)
    world.failing("bitnami/redis:7")
    world.fuse.calls.clear()
    return world


def mortal(world: RotatingApplication) -> Application:
    """An application whose calls go through the world's fuse."""
    ports = world.ports()
    fused = {name: Fused(name, getattr(ports, name), world.fuse) for name in STORES | OUTSIDE}
    return world.another(ports=msgspec.structs.replace(ports, **fused))


async def night(world: RotatingApplication) -> End:
    """A sweep in which the fuse may blow, and those of the hours after it."""
    with suppress(CachewardenError, Killed):
        await mortal(world).sweep.run()
    world.fuse.mend()
    for _ in range(_HOURS):
        await world.work()
        world.clock.advance(3601)
        await world.app.sweep.run()
    await world.work()
    return await end_of(world)


async def end_of(world: RotatingApplication) -> End:
    """How everything stands."""
    totals = await world.deliveries.totals()
    assert totals.add_up
    runs = [await world.chore_runs.last(chore.name) for chore in world.app.chores]
    return End(
        outcomes=totals.outcomes,
        states={source: incident.state for source, incident in (await world.all_incidents()).items()},
        notices=Counter({notice.id: notice.kind for notice in world.topic.sent}.values()),
        rules=Counter(world.registries.puts),
        letters=len(await world.app.dead_letters.listed()),
        files=tuple(world.event_letters.files),
        leases=await world.archive.prune(Kept.LEASES, world.clock.now() - timedelta(hours=2), 100),
        errors={run.chore: run.error for run in runs if run is not None and run.error is not None},
    )


async def calls_of_a_sweep() -> tuple[list[str], End]:
    """The calls of the first sweep when nothing fails, in order, and how everything ends."""
    world = await arranged()
    await mortal(world).sweep.run()
    return list(world.fuse.calls), await night(await arranged())


class TestOneFailure:
    """The end of a sweep in which one call fails, some hours later."""

    @pytest.mark.parametrize(
        ("error", "after"),
        [
            (None, False),
            (None, True),
            (TemporaryError("unavailable", code="ServerBusy"), False),
            (TemporaryError("unavailable", code="ServerBusy"), True),
            (PermanentError("not allowed", code="Forbidden"), False),
        ],
    )
    async def test_it_is_not_seen_in_the_end(self, error: CachewardenError | None, after: bool) -> None:
        """Killed, in trouble or refused, with its effect or without: the next turns do what was left, and only that."""
        calls, expected = await calls_of_a_sweep()
        for at, call in enumerate(calls, 1):
            world = await arranged()
            world.fuse.blow(at, after=after, error=error)
            assert await night(world) == expected, f"{error} {'after' if after else 'before'} {at}: {call}"

    async def test_a_record_that_somebody_changed_is_read_again(self) -> None:
        """Each write to a store is refused once for its ETag."""
        calls, expected = await calls_of_a_sweep()
        for at, call in enumerate(calls, 1):
            if call.partition(".")[0] in STORES:
                world = await arranged()
                world.fuse.blow(at, after=False, error=Changed("changed since it was read"))
                assert await night(world) == expected, f"changed at {at}: {call}"

    @pytest.mark.parametrize("error", [PermanentError("no"), RuntimeError("a defect")])
    async def test_a_chore_in_trouble_keeps_none_from_its_turn(self, error: Exception) -> None:
        """Whichever call it is that fails, and be it for a defect of ours."""
        calls, _ = await calls_of_a_sweep()
        for at, call in enumerate(calls, 1):
            if call.partition(".")[0] not in BOOKKEEPING:
                world = await arranged()
                world.fuse.blow(at, after=False, error=error)
                swept = await mortal(world).sweep.run()
                assert len(swept.failed) <= 1, f"{at}: {call}"
                assert {*swept.done, *swept.failed} == {chore.name for chore in world.app.chores}, f"{at}: {call}"
