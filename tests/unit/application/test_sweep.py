"""The sweep: what is due runs once however many instances sweep, and what was lost is found again."""

import asyncio
from datetime import timedelta

import pytest

from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.ports import Lease, Leases, Queue
from shared.application.recalls import Recalls
from shared.application.sweep import Sweep, Swept
from shared.application.sweep_ports import ChoreRun
from shared.domain.incidents import IncidentState
from shared.errors import TemporaryError
from tests.fakes.application import POLICY, REGISTRY, TestApplication, log_alert
from tests.fakes.clock import ManualClock

NGINX = "docker.io/library/nginx"


class Errand:
    """A chore that counts, waits for others to have their chance, and fails when told to."""

    every_s = 300.0

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self.runs = 0
        self._error = error

    async def run(self) -> None:
        """Count."""
        self.runs += 1
        for _ in range(20):
            await asyncio.sleep(0)
        if self._error is not None:
            raise self._error


class LateLeases(Leases):
    """Leases that are asked for and granted when the test says so."""

    def __init__(self, leases: Leases) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()
        self._leases = leases

    async def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Wait, then ask."""
        self.asked.set()
        await self.go.wait()
        return await self._leases.acquire(name, holder, seconds)

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """As ever."""
        return await self._leases.renew(lease, seconds)

    async def release(self, lease: Lease) -> None:
        """As ever."""
        await self._leases.release(lease)


class BrokenQueue(Queue):
    """A queue that takes nothing."""

    async def send(self, queue: str, body: bytes, *, delay_s: float = 0) -> None:
        """Trouble."""
        raise TemporaryError("down")


class LongErrand(Errand):
    """A chore that is due every minute and ends when the test says so."""

    every_s = 60.0

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Count, then wait."""
        self.runs += 1
        self.begun.set()
        await self.go.wait()


class HangingErrand(Errand):
    """A chore that is given up after four minutes each time."""

    def __init__(self, name: str, clock: ManualClock) -> None:
        super().__init__(name, TemporaryError("no answer"))
        self._clock = clock

    async def run(self) -> None:
        """Take long, then fail."""
        self._clock.advance(240)
        await super().run()


def sweep(world: TestApplication, *chores: Errand) -> Sweep:
    """A sweep of one instance."""
    return Sweep(chores=chores, runs=world.chore_runs, leases=world.leases, clock=world.clock)


class TestSweep:
    """Which chores run, and when."""

    async def test_a_chore_runs_when_its_time_has_come(self) -> None:
        """At once, then not before its interval is over."""
        world, chore = TestApplication(), Errand("tidy")
        one = sweep(world, chore)

        assert Swept(done=("tidy",)) == await one.run()
        world.clock.advance(299)
        assert Swept() == await one.run()
        world.clock.advance(1)
        assert Swept(done=("tidy",)) == await one.run()

    async def test_several_instances_at_once_do_it_once(self) -> None:
        """Each chore has a lease, and its last run is read again under it."""
        world, chores = TestApplication(), [Errand("tidy"), Errand("look")]

        results = await asyncio.gather(*(sweep(world, *chores).run() for _ in range(5)))

        assert [chore.runs for chore in chores] == [1, 1]
        assert sorted(name for swept in results for name in swept.done) == ["look", "tidy"]

    async def test_an_instance_that_comes_late_sees_that_it_was_done(self) -> None:
        """It found the chore due, and got the lease only when another had finished."""
        world, chore = TestApplication(), Errand("tidy")
        late = LateLeases(world.leases)
        second = asyncio.create_task(Sweep(chores=[chore], runs=world.chore_runs, leases=late, clock=world.clock).run())
        await late.asked.wait()

        assert Swept(done=("tidy",)) == await sweep(world, chore).run()
        late.go.set()
        assert Swept() == await second
        assert chore.runs == 1

    async def test_an_instance_that_died_keeps_nobody_out_for_long(self) -> None:
        """Its lease runs out, and its turn counts as taken until the next is due."""
        world, chore = TestApplication(), Errand("tidy")
        lease = await world.leases.acquire("chore-tidy", "somebody", 60)
        assert lease is not None

        assert Swept() == await sweep(world, chore).run()
        world.clock.advance(61)
        assert Swept(done=("tidy",)) == await sweep(world, chore).run()

    async def test_chores_that_hang_never_outlast_the_function(self) -> None:
        """It ends after ten minutes, with its process; who had to wait comes first in the next sweep."""
        world = TestApplication()
        chores = [HangingErrand(f"hanging-{number}", world.clock) for number in range(5)]
        one = sweep(world, *chores)

        for _ in range(6):
            began = world.clock.now()
            await one.run()
            assert world.clock.now() - began < timedelta(minutes=10)
            world.clock.advance(60)

        assert min(chore.runs for chore in chores) >= 2

    async def test_a_clock_that_was_wrong_stops_no_chore(self) -> None:
        """It stood a day ahead when the chore ran: that is no reason to wait for a day, nor for two runs at once."""
        world, chore, ahead = TestApplication(), Errand("tidy"), ManualClock()
        ahead.advance(timedelta(days=1).total_seconds())
        await Sweep(chores=[chore], runs=world.chore_runs, leases=world.leases, clock=ahead).run()

        results = [await sweep(world, chore).run() for _ in range(2)]

        assert results == [Swept(done=("tidy",)), Swept()]

    async def test_a_clock_that_is_a_little_behind_runs_nothing_twice(self) -> None:
        """Another instance's run began in a moment that is yet to come here."""
        world, chore, ahead = TestApplication(), Errand("tidy"), ManualClock()
        ahead.advance(5)
        await Sweep(chores=[chore], runs=world.chore_runs, leases=world.leases, clock=ahead).run()

        assert await sweep(world, chore).run() == Swept()

    @pytest.mark.parametrize(
        ("error", "recorded"),
        [(TemporaryError("down", code="Busy"), "Busy: down"), (RuntimeError("secret"), "internal: RuntimeError")],
    )
    async def test_a_chore_that_fails_is_recorded_and_keeps_none_from_its_turn(
        self, error: Exception, recorded: str
    ) -> None:
        """A defect's own text, which may hold anything, is only in the log."""
        world, broken, sound = TestApplication(), Errand("broken", error), Errand("sound")

        assert Swept(done=("sound",), failed=("broken",)) == await sweep(world, broken, sound).run()
        now = world.clock.now()
        assert await world.chore_runs.last("broken") == ChoreRun("broken", now, now, recorded)
        assert await world.chore_runs.last("sound") == ChoreRun("sound", now, now)


class TestUnannouncedFailures:
    """Failures that no alert told us of."""

    async def test_they_are_cured_like_all_others(self) -> None:
        """Nothing but the timer fires."""
        world = TestApplication()
        world.failing("nginx:1.27")

        await world.app.sweep.run()
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        assert [rule.source for rule in world.registries.rules.values()] == [NGINX]
        assert len(world.topic.sent) == 1

    async def test_what_an_incident_names_already_is_left_to_its_alerts(self) -> None:
        """A blocked image that keeps failing is not opened again every few minutes."""
        world = TestApplication()
        world.failing("evil/miner:1")
        await world.alert()
        await world.work()
        before = await world.all_incidents()

        world.failing("evil/miner:1")
        await world.app.sweep.run()
        await world.work()

        assert await world.all_incidents() == before

    async def test_logs_in_trouble_are_written_down(self) -> None:
        """The next run is due in time."""
        world = TestApplication()
        world.logs.trouble["query"] = [TemporaryError("down", code="Busy")] * 8

        swept = await world.app.sweep.run()

        assert "unannounced-failures" in swept.failed
        assert "stuck-incidents" in swept.done


class TestStuckIncidents:
    """Incidents beyond their time."""

    async def test_a_lost_message_is_made_good(self) -> None:
        """The queue was cleared while an incident was detected; the sweep sends another message."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)
        world.registries.trouble["read"].append(TemporaryError("down"))
        await world.app.remediation.handle(read_remediation(body))
        assert len(world.queue.take(REMEDIATIONS)) == 1
        assert (await world.all_incidents())[NGINX].state is IncidentState.DETECTED

        world.clock.advance(timedelta(minutes=11).total_seconds())
        await world.app.sweep.run()
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_a_message_that_could_not_be_sent_is_not_taken_for_one_on_its_way(self) -> None:
        """The queue was in trouble at the wrong moment; the message that wanted it comes again and sends it."""
        world = TestApplication()
        recalls = Recalls(leases=world.leases, queue=BrokenQueue())
        with pytest.raises(TemporaryError):
            await recalls.later(REGISTRY, 15)

        await Recalls(leases=world.leases, queue=world.queue).later(REGISTRY, 15)

        assert [message.delay_s for message in world.queue.sent] == [15]

    async def test_a_message_that_is_on_its_way_is_enough(self) -> None:
        """The sweep adds none beside it, however often it comes by."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.app.remediation.handle(read_remediation(world.queue.take(REMEDIATIONS)[0]))
        world.registries.trouble["read"] = [TemporaryError("down", retry_after=3600)]
        world.failing("bitnami/redis:7")
        await world.alert(log_alert(alert="a2"))
        await world.app.remediation.handle(read_remediation(world.queue.take(REMEDIATIONS)[0]))

        for _ in range(3):
            world.clock.advance(700)
            await world.app.sweep.run()

        assert [message.delay_s for message in world.queue.sent if message.queue == REMEDIATIONS] == [3600]

    async def test_a_question_that_nobody_answered_is_asked_anew(self) -> None:
        """With a fresh plan and another notice; not before it has expired."""
        world = TestApplication(POLICY.replace("mode: enforce", "mode: approve"))
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        first = (await world.all_incidents())[NGINX].proposal
        assert first is not None

        world.clock.advance(timedelta(days=2).total_seconds())
        await world.app.sweep.run()
        await world.work()
        assert (await world.all_incidents())[NGINX].proposal == first

        world.clock.advance(timedelta(days=2).total_seconds())
        await world.app.sweep.run()
        await world.work()
        again = (await world.all_incidents())[NGINX]
        assert again.state is IncidentState.AWAITING_APPROVAL
        assert again.proposal is not None
        assert again.proposal.proposed_at > first.proposed_at
        assert len(world.topic.sent) == 2

    async def test_what_is_only_observed_is_not_stuck(self) -> None:
        """In mode observe a planned incident is done."""
        world = TestApplication(POLICY.replace("mode: enforce", "mode: observe"))
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        world.clock.advance(timedelta(days=1).total_seconds())
        await world.app.sweep.run()

        assert world.queue.sent == []


class TestOverlap:
    """A chore that takes as long as a chore may."""

    async def test_its_lease_outlasts_it_without_being_renewed(self) -> None:
        """In four minutes of trouble with the storage no second instance begins it."""
        world = TestApplication()
        chore = LongErrand("long")
        first = asyncio.create_task(sweep(world, chore).run())
        await chore.begun.wait()

        world.clock.advance(240)
        second = await sweep(world, chore).run()
        chore.go.set()

        assert (second, await first, chore.runs) == (Swept(), Swept(done=("long",)), 1)
