"""Events that Event Grid gave up, at the whole app: from the blob to the list and back to the trigger's intake."""

from sandbox import scenario
from sandbox.topic.delivery import Subscription
from sandbox.topic.schemas import Schema
from sandbox.waiting import until
from tests.e2e.test_events import post, resource_event, sweep, text
from tests.fixtures.app import OpenStage

LOST = [
    ("changes", Schema.EVENT_GRID, resource_event("nginx-1")),
    ("clouds", Schema.CLOUD_EVENT, resource_event("nginx-2")),
]


class TestLostEvents:
    """A function that nobody reaches."""

    async def test_are_shown_and_replayed(self, open_stage: OpenStage) -> None:
        """In both schemas; a person's name is neither shown nor logged."""
        async with open_stage() as stage:
            delivery = stage.world.delivery
            for name, schema, event in LOST:
                await delivery.subscribe(
                    Subscription(name=name, function="resource_events", schema=schema, max_attempts=1)
                )
                delivery.connect(stage.host.url, "wrong-key")
                delivery.offer(event)
                await delivery.settle()
                delivery.unsubscribe(name)
                delivery.connect(stage.host.url, stage.host.keys.eventgrid_extension)
            await sweep(stage)

            async def listed() -> bool:
                return len(await stage.get("dead-letters")) == len(LOST)

            await until(listed, seconds=20)
            letters = await stage.get("dead-letters")
            assert {(letter["origin"], letter["state"]) for letter in letters} == {("events/resource_events", "dead")}
            assert {letter["failures"][0]["code"] for letter in letters} == {"MaxDeliveryAttemptsExceeded"}
            assert "Anna" not in await text(stage, "dead-letters")
            assert (await stage.get("deliveries"))["outcomes"] == {"dead-letter": 2}

            for letter in letters:
                await post(stage, f"dead-letters/{letter['id']}/replay")

            async def worked() -> bool:
                return bool((await stage.get("deliveries"))["outcomes"] == {"ignored": 2})

            await until(worked, seconds=20)
            assert scenario.REGISTRY_ID.lower() in letters[0]["body"].lower()
            assert "Anna" not in stage.host.log

            async def told() -> bool:
                kinds = [published.event["type"] for published in stage.world.topic.events]
                return kinds.count("cachewarden.dead_letter.added") == len(LOST)

            await until(told, seconds=20)
