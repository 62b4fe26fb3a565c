"""Readings of the logs: which alerts may share one, and what happens when there is none."""

import asyncio
from datetime import timedelta

import pytest

from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.readings import SHARED_FOR, Readings
from shared.domain.incidents import IncidentState
from shared.errors import TemporaryError
from shared.queries import SOURCES
from tests.fakes.application import WORKSPACE, TestApplication

QUARTER = timedelta(minutes=15)
NGINX = "docker.io/library/nginx"


def readings(world: TestApplication) -> Readings:
    """Readings of the world's workspace."""
    return Readings(logs=world.logs, clock=world.clock)


class TestSharing:
    """`Readings.of`."""

    async def test_alerts_at_once_share_one(self) -> None:
        """However many wait for it."""
        world = TestApplication()
        world.failing("nginx:1.27")
        reader, now = readings(world), world.clock.now()

        found = await asyncio.gather(*(reader.of(WORKSPACE, since=now - QUARTER, as_of=now) for _ in range(20)))

        assert {len(reading.failures) for reading in found} == {1}
        assert len(world.logs.windows) == len(SOURCES)

    async def test_an_alert_that_fired_later_has_one_of_its_own(self) -> None:
        """Its rows came after the last reading was begun."""
        world = TestApplication()
        reader, now = readings(world), world.clock.now()
        await reader.of(WORKSPACE, since=now - QUARTER, as_of=now)
        world.clock.advance(2)

        await reader.of(WORKSPACE, since=now - QUARTER, as_of=now + timedelta(seconds=1))

        assert len(world.logs.windows) == 2 * len(SOURCES)

    async def test_one_that_is_too_old_is_not_shared(self) -> None:
        """Rows come late; a reading is not for ever."""
        world = TestApplication()
        reader, now = readings(world), world.clock.now()
        await reader.of(WORKSPACE, since=now - QUARTER, as_of=now)
        world.clock.advance(SHARED_FOR.total_seconds() + 1)

        await reader.of(WORKSPACE, since=now - QUARTER, as_of=now)

        assert len(world.logs.windows) == 2 * len(SOURCES)

    async def test_a_window_that_begins_earlier_has_one_of_its_own(self) -> None:
        """The rows that it asks for were not read."""
        world = TestApplication()
        reader, now = readings(world), world.clock.now()
        await reader.of(WORKSPACE, since=now - QUARTER, as_of=now)

        await reader.of(WORKSPACE, since=now - 4 * QUARTER, as_of=now)

        starts = sorted({start for _, start, _ in world.logs.windows})
        assert len(starts) == 2
        assert starts[0] <= now - 4 * QUARTER

    async def test_trouble_is_not_shared(self) -> None:
        """The next one asks again."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.logs.trouble["query"] = [TemporaryError("down")]
        reader, now = readings(world), world.clock.now()

        with pytest.raises(TemporaryError):
            await reader.of(WORKSPACE, since=now - QUARTER, as_of=now)
        assert len((await reader.of(WORKSPACE, since=now - QUARTER, as_of=now)).failures) == 1


class TestTrouble:
    """Logs that are in trouble for long."""

    async def test_it_counts_as_no_look(self) -> None:
        """An alert gets three looks at logs that answer."""
        world = TestApplication()
        world.logs.trouble["query"] = [TemporaryError("down", retry_after=40)]
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)

        await world.app.remediation.handle(read_remediation(body))

        [again] = world.queue.sent
        assert (read_remediation(again.body), again.delay_s) == (read_remediation(body), 40)

    async def test_the_alert_waits_as_a_delayed_message(self) -> None:
        """However often it has to."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.logs.trouble["query"] = [TemporaryError("down", retry_after=40) for _ in range(80)]
        await world.alert()
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_after_an_hour_it_is_left_to_the_dead_letters(self) -> None:
        """The message fails, and the queue brings it to where people see it."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)
        world.logs.trouble["query"] = [TemporaryError("down")] * 8
        world.clock.advance(3601)

        with pytest.raises(TemporaryError):
            await world.app.remediation.handle(read_remediation(body))


class TestUnread:
    """A source that refuses, or answers in part."""

    async def test_the_delivery_names_it(self) -> None:
        """The others are read; there may be more failures than were found, and the accounting says where."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.logs.refused_tables = {"ContainerRegistryRepositoryEvents"}
        world.logs.partial_tables = {"KubeEvents"}
        await world.alert()
        await world.work()

        [delivery] = [delivery async for delivery in world.deliveries.kept()]
        assert (delivery.outcome, delivery.unread) == ("incident", ("kube_events", "registry_events"))
        totals = await world.app.reports.deliveries()
        assert totals.unread == {"kube_events": 1, "registry_events": 1}
        assert totals.add_up

    async def test_one_without_a_table_is_none(self) -> None:
        """Most workspaces have few of the tables."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        [delivery] = [delivery async for delivery in world.deliveries.kept()]
        assert delivery.unread == ()
