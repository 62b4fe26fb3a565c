"""Instances whose clocks differ, on the real table store: what is tolerated, and what is not harmed beyond that."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec
import pytest
import pytest_asyncio

from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from shared.adapters.tables.deliveries import TableDeliveries
from shared.adapters.tables.incidents import TableIncidents
from shared.adapters.tables.leases import CLOCK_SKEW, TableLeases
from shared.adapters.tables.outbox import TableOutbox
from shared.application.assembly import Application, Patience, assemble
from shared.application.leases import held
from shared.application.messages import (
    NOTIFICATIONS,
    REMEDIATIONS,
    RegistryMessage,
    read_notification,
    read_remediation,
)
from shared.application.ports import Clock
from shared.application.remediation import Pace
from shared.domain.incidents import IncidentState, registry_key
from shared.domain.policy_file import load_policy
from shared.errors import TemporaryError
from tests.fakes.application import POLICY, REGISTRY, TestApplication, log_alert

IMAGES = ("nginx:1.27", "redis:7", "bitnami/kafka:3")
ALERTS = 20
LEASE_S = 60


class SkewedClock(Clock):
    """A clock that goes before or after another one."""

    def __init__(self, clock: Clock, skew: timedelta) -> None:
        self._clock = clock
        self._skew = skew

    def now(self) -> datetime:
        """The other's time, and the difference."""
        return self._clock.now() + self._skew


@pytest_asyncio.fixture
async def tables(storage_account: str) -> AsyncIterator[Tables]:
    """An empty storage account's tables."""
    made = Tables(StorageAccount(connection_string=storage_account))
    yield made
    await made.aclose()


def instance(world: TestApplication, tables: Tables, skew: timedelta) -> Application:
    """An instance of the app whose clock differs, on the tables that all of them share."""
    clock = SkewedClock(world.clock, skew)
    ports = msgspec.structs.replace(
        world.ports(),
        clock=clock,
        incidents=TableIncidents(tables),
        leases=TableLeases(tables, clock),
        deliveries=TableDeliveries(tables),
        outbox=TableOutbox(tables),
    )
    return assemble(
        load_policy(POLICY, path="policy.yaml"),
        ports,
        pace=Pace(lease=LEASE_S),
        patience=Patience(health=0.01, verification=0.01),
    )


async def run(world: TestApplication, apps: list[Application], chance: random.Random) -> None:
    """Handle everything that waits, on all instances at once and in any order, until nothing is left."""
    for _ in range(100):
        todo = deque(world.queue.take(REMEDIATIONS))
        chance.shuffle(todo)
        notices = deque(world.queue.take(NOTIFICATIONS) * 2)
        if not todo and not notices:
            return

        async def take(app: Application, todo: deque[bytes], notices: deque[bytes]) -> None:
            while todo:
                body = todo.popleft()
                try:
                    await app.remediation.handle(read_remediation(body))
                except TemporaryError:  # a slow store: the queue brings the message back
                    await world.queue.send(REMEDIATIONS, body)
            while notices:
                body = notices.popleft()
                try:
                    await app.notification.deliver(read_notification(body))
                except TemporaryError:
                    await world.queue.send(NOTIFICATIONS, body)

        async with asyncio.TaskGroup() as group:
            for app in apps * 2:
                group.create_task(take(app, todo, notices))
        world.clock.advance(5)
    raise AssertionError("it does not end")


class TestWholeRun:
    """Alerts, cures, proofs and notices."""

    @pytest.mark.parametrize("skew", [CLOCK_SKEW, timedelta(minutes=10)], ids=["tolerated", "beyond"])
    async def test_the_end_is_the_same(self, tables: Tables, skew: timedelta) -> None:
        """One rule and one notice for each image, and every alert accounted for.

        Beyond the tolerance a lease may be taken while it is held, and then work is done twice, which changes nothing:
        a rule that is there is used, and a notice of the same id is no second one.
        """
        world, chance = TestApplication(), random.Random(7)  # noqa: S311 - reproducible, not secret
        apps = [instance(world, tables, skew * part) for part in (-0.5, 0, 0.5)]
        world.failing(*IMAGES)
        alerts = [msgspec.json.encode(log_alert(alert=f"a{number}")) for number in range(ALERTS)] * 2
        chance.shuffle(alerts)
        for body in alerts:
            await chance.choice(apps).intake.accept(body)

        await run(world, apps, chance)

        found = {incident.source: incident async for incident in TableIncidents(tables).newest(100)}
        assert {incident.state for incident in found.values()} == {IncidentState.VERIFIED}
        assert len(found) == len(world.registries.rules) == len(IMAGES)
        assert Counter(notice.source for notice in world.topic.sent) == dict.fromkeys(found, 1)
        totals = await apps[0].reports.deliveries()
        assert (totals.received, totals.outcomes, totals.add_up) == (2 * ALERTS, {"incident": ALERTS}, True)


class TestLease:
    """A registry that another instance is at."""

    @pytest.mark.parametrize(("skew", "waits"), [(-CLOCK_SKEW, True), (CLOCK_SKEW, True), (2 * CLOCK_SKEW, False)])
    async def test_who_comes_later_waits(self, tables: Tables, skew: timedelta, *, waits: bool) -> None:
        """At the last moment of the holder's lease, by the holder's clock; up to the tolerance."""
        world = TestApplication()
        holder, other = TableLeases(tables, world.clock), instance(world, tables, skew)
        world.failing("nginx:1.27")
        await other.intake.accept(msgspec.json.encode(log_alert()))
        async with held(holder, f"registry-{registry_key(REGISTRY)}", LEASE_S) as still_ours:
            assert still_ours is not None
            world.clock.advance(LEASE_S - 0.001)
            for body in world.queue.take(REMEDIATIONS):
                await other.remediation.handle(read_remediation(body))

            assert (world.registries.puts == []) is waits
        left = [read_remediation(body) for body in world.queue.take(REMEDIATIONS)]
        assert [type(message) for message in left] == ([RegistryMessage] if waits else [])
