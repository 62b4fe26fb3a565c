"""Retention: what is kept for how long, and when an incident is history."""

from datetime import timedelta

from shared.application.leases import held
from shared.application.sweep_ports import Kept
from shared.domain.incidents import IncidentState
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import POLICY, TestApplication, log_alert

NGINX = "docker.io/library/nginx"


class TestRetention:
    """What is old is forgotten."""

    async def test_each_kind_by_its_own_age(self) -> None:
        """Settled incidents stay for a year, deliveries a month, notices three."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        [pruning] = [chore for chore in world.app.chores if chore.name == "retention"]
        left = []

        for days in (29, 2, 60, 275):
            world.clock.advance(timedelta(days=days).total_seconds())
            await pruning.run()
            left.append((await _count(world), len(await world.all_incidents())))

        assert left == [((1, 1), 1), ((0, 1), 1), ((0, 0), 1), ((0, 0), 0)]

    async def test_a_kind_that_the_storage_refuses_keeps_no_other(self) -> None:
        """The sweep shows the refusal, and the kinds behind it are forgotten in time."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        world.clock.advance(timedelta(days=100).total_seconds())
        world.archive.trouble[Kept.INCIDENTS] = [PermanentError("not ours", code="AuthorizationFailure")]

        swept = await world.app.sweep.run()

        assert "retention" in swept.failed
        run = await world.chore_runs.last("retention")
        assert run is not None
        assert run.error == "AuthorizationFailure: not ours"
        assert set(Kept) <= set(world.archive.calls)
        assert [row async for row in world.deliveries.kept()] == []

    async def test_storage_in_trouble_ends_the_run(self) -> None:
        """The other kinds lie in the same one; the next run comes in time."""
        world = TestApplication()
        world.archive.trouble[Kept.DELIVERIES] = [TemporaryError("busy", code="ServerBusy")]

        assert "retention" in (await world.app.sweep.run()).failed
        assert world.archive.calls == [Kept.INCIDENTS, Kept.DELIVERIES]

    async def test_an_incident_that_is_not_settled_stays(self) -> None:
        """However old it is: a person may still answer."""
        world = TestApplication(POLICY.replace("mode: enforce", "mode: approve"))
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        pruned = await world.archive.prune(Kept.INCIDENTS, world.clock.now() + timedelta(days=1), 100)

        assert pruned == 0

    async def test_a_lease_left_behind_is_swept_up(self) -> None:
        """A worker was killed and its registry never needed another one."""
        world = TestApplication()
        await world.leases.acquire("registry-gone", "dead", 60)

        world.clock.advance(timedelta(hours=2).total_seconds())
        await world.app.sweep.run()

        assert await world.archive.prune(Kept.LEASES, world.clock.now() + timedelta(days=1), 100) == 0

    async def test_a_lease_that_is_held_stays(self) -> None:
        """Only what has not been renewed for an hour goes."""
        world = TestApplication()
        async with held(world.leases, "registry-busy", 60) as still_ours:
            await world.app.sweep.run()

            assert still_ours is not None
            still_ours()
            assert await world.leases.acquire("registry-busy", "another", 60) is None


async def _count(world: TestApplication) -> tuple[int, int]:
    """How many deliveries and notices are kept."""
    deliveries = [row async for row in world.deliveries.kept()]
    notices = [row async for row in world.outbox.kept()]
    return len(deliveries), len(notices)


class TestFinishedIncidents:
    """Settled incidents of which nothing was heard for long."""

    async def test_a_week_without_a_failure_closes_one_and_the_next_failure_opens_it(self) -> None:
        """It is history, and told to nobody; a failure after that is cured and proven like the first."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        told = len(world.topic.sent)

        world.clock.advance(timedelta(days=6).total_seconds())
        await world.app.sweep.run()
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

        world.logs.rows.clear()
        world.clock.advance(timedelta(days=2).total_seconds())
        await world.app.sweep.run()
        closed = (await world.all_incidents())[NGINX]
        assert (closed.state, closed.timeline[-1].text) == (IncidentState.CLOSED, "no pull has failed for 7 days")
        assert len(world.topic.sent) == told

        world.failing("nginx:1.27")
        await world.alert(log_alert(alert="later"))
        await world.work()
        [proof] = (await world.all_incidents())[NGINX].proofs
        assert ((await world.all_incidents())[NGINX].state, proof.at > closed.updated_at) == (
            IncidentState.VERIFIED,
            True,
        )
