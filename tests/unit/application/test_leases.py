"""Leases while they are held: one holder, given back, and nothing written once it is lost."""

import asyncio

import pytest

from shared.application.apply import Applier
from shared.application.incident_book import IncidentBook
from shared.application.leases import LeaseLost, held
from shared.application.operations import Journal, Operations
from shared.application.ports import Changed, Lease
from shared.application.survey import Survey
from shared.application.unrecorded import Unrecorded
from shared.domain.plans import CreateCacheRule, Plan
from shared.domain.policy_file import load_policy
from tests.fakes.application import POLICY, REGISTRY, TestApplication
from tests.fakes.clock import ManualClock
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


class TestApplier:
    """`Applier.apply` under a lease."""

    async def test_nothing_is_written_once_the_lease_is_lost(self) -> None:
        """The check comes before each write."""
        world = TestApplication()
        policy = load_policy(POLICY, path="policy.yaml")
        survey = Survey(
            policy=policy, registries=world.registries, content=world.content, vault_access=world.vault_access
        )
        book = IncidentBook(incidents=world.incidents, notification=world.app.notification, clock=world.clock)
        applier = Applier(
            policy=policy,
            survey=survey,
            registries=world.registries,
            vault_access=world.vault_access,
            operations=Operations(
                registries=world.registries,
                book=book,
                unrecorded=Unrecorded(book=book, dead_letters=world.app.dead_letters),
                audit=world.app.audit,
            ),
            audit=world.app.audit,
            health_patience=0.01,
        )
        plan = Plan(actions=(CreateCacheRule("rule-1", "docker.io/a/b", "docker-hub/a/b", None),))

        def lost() -> None:
            raise LeaseLost("gone")

        with pytest.raises(LeaseLost):
            await applier.apply(REGISTRY, plan, still_ours=lost, journal=Journal())

        assert world.registries.puts == []


class CountingLeases(MemoryLeases):
    """Leases that count, and that can be lost at the next renewal."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.lose = False
        self.renewals = self.released = 0
        self.renewed_twice = asyncio.Event()
        self.lost = asyncio.Event()

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """Renew, or lose it to somebody else first."""
        if self.lose:
            await super().release(lease)
            await super().acquire(lease.name, "somebody else", 60)
        try:
            renewed = await super().renew(lease, seconds)
        except Changed:
            self.lost.set()
            raise
        self.renewals += 1
        if self.renewals >= 2:
            self.renewed_twice.set()
        return renewed

    async def release(self, lease: Lease) -> None:
        """Count, and give it back."""
        self.released += 1
        await super().release(lease)
