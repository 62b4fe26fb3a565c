"""Leases while they are held: one holder, given back, and nothing written once it is lost."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from shared.application.apply import Applier
from shared.application.incident_book import IncidentBook
from shared.application.leases import LeaseLost, held
from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.operations import Journal, Operations
from shared.application.ports import Changed, Lease
from shared.application.remediation import Pace
from shared.application.survey import Survey
from shared.application.unrecorded import Unrecorded
from shared.domain.audit import Result
from shared.domain.incidents import IncidentState
from shared.domain.operations import Operation
from shared.domain.plans import CreateCacheRule, Plan
from shared.domain.policy_file import load_policy
from shared.errors import CachewardenError, PermanentError, TemporaryError
from tests.fakes.application import POLICY, REGISTRY, TestApplication
from tests.fakes.azure import FakeContent
from tests.fakes.clock import ManualClock
from tests.fakes.credentials import FakeCredentialSets
from tests.fakes.stores import MemoryLeases


class TestHeld:
    """`held`."""

    async def test_only_one_holds_it_and_it_is_given_back(self) -> None:
        """The second gets nothing while the first holds it, and everything after."""
        leases = MemoryLeases(ManualClock())

        async with held(leases, "x", 60) as first, held(leases, "x", 60) as second:
            assert (first is not None, second) == (True, None)
        async with held(leases, "x", 60) as third:
            assert third is not None

    async def test_it_is_given_back_when_the_work_fails(self) -> None:
        """The next worker need not wait for its end."""
        leases = MemoryLeases(ManualClock())

        with pytest.raises(ZeroDivisionError):
            async with held(leases, "x", 60):
                raise ZeroDivisionError
        async with held(leases, "x", 60) as again:
            assert again is not None

    async def test_it_is_renewed_while_the_work_goes_on(self) -> None:
        """A lease of a moment lasts as long as its holder works."""
        leases = CountingLeases(ManualClock())

        async with held(leases, "x", 0.03) as still_ours:
            assert still_ours is not None
            async with asyncio.timeout(10):
                await leases.renewed_twice.wait()
            still_ours()

    async def test_who_lost_it_is_told_before_the_next_write(self) -> None:
        """Somebody else took it over: the check raises, and the lease of the other is left alone."""
        leases = CountingLeases(ManualClock())
        leases.lose = True

        async with held(leases, "x", 1.5) as still_ours:
            assert still_ours is not None
            async with asyncio.timeout(10):
                await leases.lost.wait()  # and not only run out, which a slow machine may see first
            with pytest.raises(LeaseLost):
                still_ours()

        assert leases.released == 0

    async def test_the_end_is_counted_from_the_question(self) -> None:
        """Who was paused until the lease was over does not believe to have it when the answer is read."""
        async with held(SlowLeases(ManualClock()), "x", 0.01) as still_ours:
            assert still_ours is not None
            with pytest.raises(LeaseLost):
                still_ours()

    @pytest.mark.parametrize("error", [TemporaryError("503"), PermanentError("403")])
    async def test_one_that_cannot_be_given_back_runs_out(self, error: CachewardenError) -> None:
        """What was done under it stands."""
        leases = CountingLeases(ManualClock())
        leases.trouble["release"] = [error]

        async with held(leases, "x", 60) as still_ours:
            assert still_ours is not None

        assert await leases.acquire("x", "another", 60) is None

    @pytest.mark.parametrize("error", [TemporaryError("503"), PermanentError("403")])
    async def test_renewals_that_fail_are_tried_again(self, error: CachewardenError) -> None:
        """A storage that is in trouble, or refuses for a moment, costs nobody the lease."""
        leases = CountingLeases(ManualClock())
        leases.trouble["renew"] = [error]

        async with held(leases, "x", 1) as still_ours:
            assert still_ours is not None
            async with asyncio.timeout(10):
                await leases.renewed.wait()
            still_ours()

    async def test_one_whose_row_was_deleted_is_lost(self) -> None:
        """By hand, say: another worker may have it by now."""
        leases = CountingLeases(ManualClock())

        async with held(leases, "x", 1.5) as still_ours:
            assert still_ours is not None
            await leases.prune(datetime.max.replace(tzinfo=UTC), 1)
            async with asyncio.timeout(10):
                await leases.lost.wait()
            with pytest.raises(LeaseLost):
                still_ours()


class TestApplier:
    """`Applier.apply` under a lease."""

    async def test_nothing_is_written_once_the_lease_is_lost(self) -> None:
        """The check comes before each write."""
        world = TestApplication()

        def lost() -> None:
            raise LeaseLost("gone")

        with pytest.raises(LeaseLost):
            await applier_of(world).apply(REGISTRY, PLAN, still_ours=lost, journal=Journal())

        assert world.registries.calls == []
        assert await world.app.audit.entries(None, None) == []

    async def test_nor_when_it_is_lost_while_the_trail_is_written(self) -> None:
        """The worker was paused there, and wakes when another has the registry; the trail says so."""
        world = TestApplication()

        def lost_since() -> None:
            if "add" in world.audit_rows.calls:
                raise LeaseLost("gone")

        with pytest.raises(LeaseLost):
            await applier_of(world).apply(REGISTRY, PLAN, still_ours=lost_since, journal=Journal())

        assert world.registries.calls == []
        assert [entry.result for entry in await world.app.audit.entries(None, None)] == [Result.BEGUN, Result.TROUBLE]


class TestTakenOver:
    """A worker that stands still for longer than its lease, in the middle of a write."""

    async def test_the_other_goes_on_and_the_first_writes_nothing_more(self) -> None:
        """One PUT for each rule, whoever made it, and one notice for each image."""
        world = TestApplication()
        world.leases = leases = CountingLeases(world.clock)
        registries = PausedRegistries(world)
        world.registries, world.content = registries, FakeContent(registries)
        first = world.another(pace=Pace(lease=1.5))
        second = world.another()
        world.failing("nginx:1.27", "bitnami/redis:7")
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)

        standing = asyncio.create_task(first.remediation.handle(read_remediation(body)))
        await registries.begun.wait()
        world.clock.advance(60)
        await second.remediation.handle(read_remediation(body))
        made = list(registries.puts)
        async with asyncio.timeout(10):
            await leases.lost.wait()
        registries.go.set()
        await standing

        assert registries.puts == made
        await world.work(second)
        assert Counter(registries.puts).most_common(1)[0][1] == 1
        assert len(registries.rules) == 2
        assert {i.state for i in (await world.all_incidents()).values()} == {IncidentState.VERIFIED}
        assert len(world.topic.sent) == len({notice.id for notice in world.topic.sent}) == 2


PLAN = Plan(actions=(CreateCacheRule("rule-1", "docker.io/a/b", "docker-hub/a/b", None),))


def applier_of(world: TestApplication) -> Applier:
    """The part that writes to ARM."""
    policy = load_policy(POLICY, path="policy.yaml")
    book = IncidentBook(incidents=world.incidents, notification=world.app.notification, clock=world.clock)
    unrecorded = Unrecorded(book=book, dead_letters=world.app.dead_letters)
    return Applier(
        policy=policy,
        survey=Survey(
            policy=policy, registries=world.registries, content=world.content, vault_access=world.vault_access
        ),
        registries=world.registries,
        vault_access=world.vault_access,
        operations=Operations(registries=world.registries, book=book, unrecorded=unrecorded, audit=world.app.audit),
        audit=world.app.audit,
        health_patience=0.01,
    )


class PausedRegistries(FakeCredentialSets):
    """ARM, whose first answer about a rule comes when the test says so, long after the rule was accepted."""

    def __init__(self, world: TestApplication) -> None:
        super().__init__(REGISTRY, world.vault_access, hub=world.hub, vaults=world.vaults, fuse=world.fuse)
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def create_cache_rule(self, registry_id: str, action: CreateCacheRule) -> Operation | None:
        """Accept it, and answer late."""
        accepted = await super().create_cache_rule(registry_id, action)
        if not self.begun.is_set():
            self.begun.set()
            await self.go.wait()
        return accepted


class SlowLeases(MemoryLeases):
    """Leases that are answered when they are over."""

    async def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Acquire, and answer late."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        lease = await super().acquire(name, holder, seconds)
        loop.call_later(seconds, over.set)
        await over.wait()
        return lease


class CountingLeases(MemoryLeases):
    """Leases that count, that can be lost at the next renewal, and whose calls fail as `trouble` says."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.lose = False
        self.renewals = self.released = 0
        self.renewed, self.renewed_twice = asyncio.Event(), asyncio.Event()
        self.lost = asyncio.Event()
        self.trouble: dict[str, list[CachewardenError]] = {"renew": [], "release": []}

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """Renew, or lose it to somebody else first."""
        if self.trouble["renew"]:
            raise self.trouble["renew"].pop()
        if self.lose:
            await super().release(lease)
            await super().acquire(lease.name, "somebody else", 60)
        try:
            renewed = await super().renew(lease, seconds)
        except Changed:
            self.lost.set()
            raise
        self.renewals += 1
        self.renewed.set()
        if self.renewals >= 2:
            self.renewed_twice.set()
        return renewed

    async def release(self, lease: Lease) -> None:
        """Count, and give it back."""
        self.released += 1
        if self.trouble["release"]:
            raise self.trouble["release"].pop()
        await super().release(lease)
