"""A storm: ten thousand deliveries, duplicated and out of order, at four instances of the app on the same stores."""

import asyncio
import random
from collections import Counter, deque
from datetime import timedelta

import msgspec

from shared.application.assembly import Application
from shared.application.messages import NOTIFICATIONS, REMEDIATIONS, read_notification, read_remediation
from shared.application.readings import SHARED_FOR
from shared.domain.incidents import IncidentState
from shared.errors import TemporaryError
from tests.fakes.application import TestApplication, log_alert

DELIVERIES = 10_000
ALERTS = 2_000
INSTANCES = 4
AT_ONCE = 8
IMAGES = ("nginx:1.27", "redis:7", "bitnami/postgresql:17", "bitnami/kafka:3")


class Storm:
    """Deliveries and messages in a random order that the seed decides, on instances that work at once."""

    def __init__(self, world: TestApplication, seed: int) -> None:
        self.world = world
        self.instances = [world.app, *(world.another() for _ in range(INSTANCES - 1))]
        self.random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.handled = 0

    async def deliver(self, bodies: list[bytes]) -> None:
        """Post the alerts, several at once at every instance, while workers take the messages."""
        waiting = deque(bodies)

        async def post(app: Application) -> None:
            while waiting:
                await app.intake.accept(waiting.popleft())

        async with asyncio.TaskGroup() as group:
            for app in self.instances:
                for _ in range(AT_ONCE):
                    group.create_task(post(app))

    async def work(self) -> None:
        """Handle everything that waits, out of order and a tenth of it twice, until nothing is left."""
        for _ in range(200):
            remediations = self.world.queue.take(REMEDIATIONS)
            notifications = self.world.queue.take(NOTIFICATIONS)
            if not remediations and not notifications:
                return
            again = [body for body in remediations if self.random.random() < 0.1]
            todo = deque([*remediations, *again])
            self.random.shuffle(todo)
            await self._handle(todo, deque([*notifications, *notifications]))
            self.world.clock.advance(5)
        raise AssertionError("the storm does not end")

    async def _handle(self, remediations: deque[bytes], notifications: deque[bytes]) -> None:
        async def take(app: Application) -> None:
            while remediations:
                self.handled += 1
                await app.remediation.handle(read_remediation(remediations.popleft()))
            while notifications:
                await app.notification.deliver(read_notification(notifications.popleft()))

        async with asyncio.TaskGroup() as group:
            for app in self.instances:
                for _ in range(AT_ONCE):
                    group.create_task(take(app))


def deliveries(world: TestApplication, seed: int) -> list[bytes]:
    """Ten thousand bodies of two thousand alerts, some resolved, in any order."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    now = world.clock.now()
    alerts = [
        msgspec.json.encode(
            log_alert(
                alert=f"a{number}",
                condition="Resolved" if number % 10 == 0 else "Fired",
                fired=now - timedelta(seconds=chance.randrange(240)),
            )
        )
        for number in range(ALERTS)
    ]
    bodies = alerts + chance.choices(alerts, k=DELIVERIES - ALERTS)
    chance.shuffle(bodies)
    return bodies


class TestStorm:
    """Nothing is lost, nothing is done twice."""

    async def test_ten_thousand_deliveries(self) -> None:
        """One PUT per missing rule, one notice per incident, and the counters add up."""
        world = TestApplication()
        world.failing(*IMAGES)
        storm = Storm(world, seed=1)

        await storm.deliver(deliveries(world, seed=2))
        await storm.work()

        assert Counter(world.registries.puts).most_common(1)[0][1] == 1
        assert len(world.registries.puts) == len(IMAGES) + 1
        assert len(world.registries.rules) == len(IMAGES)
        incidents = await world.all_incidents()
        assert {incident.state for incident in incidents.values()} == {IncidentState.VERIFIED}
        assert len(incidents) == len(IMAGES)
        assert len({notice.id for notice in world.topic.sent}) == len(IMAGES)
        totals = await world.app.reports.deliveries()
        assert totals.received == DELIVERIES
        assert totals.duplicates == DELIVERIES - ALERTS
        assert totals.outcomes == {"incident": ALERTS * 9 // 10, "ignored": ALERTS // 10}
        assert totals.ignored == {"resolved": ALERTS // 10}
        assert totals.add_up

    async def test_what_is_asked_of_others_does_not_grow_with_the_storm(self) -> None:
        """Alerts share a reading of the logs, and a registry is read once per cure and not once per alert."""
        world = TestApplication()
        world.failing(*IMAGES)
        storm = Storm(world, seed=3)

        await storm.deliver(deliveries(world, seed=4)[:3000])
        await storm.work()

        seconds = (world.clock.now() - world.logs.windows[0][2]).total_seconds()
        windows = INSTANCES * (seconds / SHARED_FOR.total_seconds() + 1)
        assert len(set(world.logs.windows)) <= windows
        assert len(world.logs.windows) <= windows * 8
        assert world.registries.calls.count("read") < 50
        assert len(world.content.pulled) < 50

    async def test_fifty_incidents_of_a_run_share_their_readings(self) -> None:
        """One to plan from and one to prove by; beside these only what is made is asked about."""
        world = TestApplication()
        world.failing(*(f"bitnami/app-{number}:1" for number in range(50)))

        await world.alert()
        await world.work()

        assert len(await world.all_incidents()) == 50
        assert Counter(world.registries.calls) == {
            "read": 2,
            "create_credential_set": 1,
            "credential_set": 2,
            "create_cache_rule": 50,
            "until_ended": 51,
        }
        assert Counter(world.content.calls) == {"repositories": 1, "manifest": 50}
        assert Counter(world.vault_access.calls) == {"vault_id": 1, "grant": 1}

    async def test_an_hour_of_trouble_makes_no_second_storm(self) -> None:
        """While ARM is down, messages to look again do not multiply: one per registry is on its way."""
        world = TestApplication()
        world.failing(*IMAGES)
        world.registries.trouble["read"] = [TemporaryError("connection refused") for _ in range(60)]
        storm = Storm(world, seed=5)
        bodies = deliveries(world, seed=6)[:600]

        await storm.deliver(bodies)
        await storm.work()

        assert {incident.state for incident in (await world.all_incidents()).values()} == {IncidentState.VERIFIED}
        assert len(world.registries.puts) == len(IMAGES) + 1
        assert storm.handled < 2 * len(bodies)
