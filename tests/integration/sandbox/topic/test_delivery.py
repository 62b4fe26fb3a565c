"""Event Grid's delivery to a function host's webhook."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from azure.storage.blob.aio import ContainerClient

from sandbox.topic.dead_letters import CONTAINER, DeadLetterContainer
from sandbox.topic.delivery import EventDelivery, HandshakeFailed, Subscription
from sandbox.topic.schemas import Schema
from tests.fixtures.serving import serving
from tests.integration.sandbox.topic.support import Webhook

REGISTRY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso"


@pytest.fixture
async def delivery() -> AsyncIterator[EventDelivery]:
    """A delivery a million times as fast as Event Grid."""
    delivery = EventDelivery(pace=1e-6)
    yield delivery
    await delivery.close()


def pushed(
    identifier: str = "1", *, kind: str = "Microsoft.ContainerRegistry.ImagePushed", **fields: Any
) -> dict[str, Any]:
    """An event of a registry."""
    event = {
        "id": identifier,
        "topic": REGISTRY,
        "subject": "docker-hub/library/nginx:1.27",
        "eventType": kind,
        "eventTime": "2026-11-24T03:00:00Z",
        "data": {"action": "push"},
        "dataVersion": "1.0",
        "metadataVersion": "1",
    }
    return event | fields


def subscription(**fields: Any) -> Subscription:
    """A subscription to all events of the registry."""
    return Subscription(**({"name": "pushes", "function": "registry_events", "source": REGISTRY.upper()} | fields))


class TestSubscribing:
    """The handshake with the endpoint."""

    @pytest.mark.parametrize("schema", list(Schema))
    async def test_subscribes_after_the_handshake(self, delivery: EventDelivery, schema: Schema) -> None:
        """The endpoint proves itself, and from then on receives events in the subscription's schema."""
        webhook = Webhook()

        async with serving(webhook):
            delivery.connect(webhook.base_url, "system-key")
            await delivery.subscribe(subscription(schema=schema))
            await delivery.publish(pushed())
            await delivery.settle()

        (body,) = webhook.received
        assert (body["type"] if schema is Schema.CLOUD_EVENT else body[0]["eventType"]) == pushed()["eventType"]
        assert webhook.headers[0]["aeg-event-type"] == "Notification"

    @pytest.mark.parametrize("schema", list(Schema))
    async def test_refuses_an_endpoint_that_proves_nothing(self, delivery: EventDelivery, schema: Schema) -> None:
        """Without the proof there is no subscription, and events go nowhere."""
        webhook = Webhook(proves=False)

        async with serving(webhook):
            delivery.connect(webhook.base_url, "system-key")
            with pytest.raises(HandshakeFailed):
                await delivery.subscribe(subscription(schema=schema))
            await delivery.publish(pushed())
            await delivery.settle()

        assert (webhook.received, list(delivery.attempts)) == ([], [])

    async def test_does_nothing_without_a_subscription(self, delivery: EventDelivery) -> None:
        """A world without a function host publishes all the same."""
        await delivery.publish(pushed())
        await delivery.settle()

        assert not delivery.attempts

    async def test_filters_by_source_type_and_subject(self, delivery: EventDelivery) -> None:
        """Only events that pass every filter of the subscription are delivered."""
        webhook = Webhook()
        filters = {"event_types": frozenset({pushed()["eventType"]}), "subject_begins_with": "docker-hub/"}
        others = [
            pushed("2", kind="Other"),
            pushed("3", subject="elsewhere"),
            pushed("4", topic="/subscriptions/other"),
        ]

        async with serving(webhook):
            delivery.connect(webhook.base_url, "system-key")
            await delivery.subscribe(subscription(**filters))
            for event in [*others, pushed("1")]:
                await delivery.publish(event)
            await delivery.settle()

        assert [body[0]["id"] for body in webhook.received] == ["1"]


class TestRetrying:
    """What happens to events that were not taken."""

    @pytest.mark.parametrize("status", [201 + 4, 404, 408, 429, 500, 503])
    async def test_sends_again_until_it_is_taken(self, delivery: EventDelivery, status: int) -> None:
        """Anything but 200-204 and the final refusals is sent again, with the number of the attempt."""
        webhook = Webhook(status, status)

        async with serving(webhook):
            delivery.connect(webhook.base_url, "system-key")
            await delivery.subscribe(subscription())
            await delivery.publish(pushed())
            await delivery.settle()

        assert [attempt.status for attempt in delivery.attempts] == [status, status, 202]
        assert [headers["aeg-delivery-count"] for headers in webhook.headers] == ["0", "1", "2"]
        assert not delivery.dead_letters

    @pytest.mark.parametrize(
        ("status", "word"),
        [(400, "BadRequest"), (401, "Unauthorized"), (403, "Forbidden"), (413, "RequestEntityTooLarge")],
    )
    async def test_gives_up_at_once_on_final_refusals(self, delivery: EventDelivery, status: int, word: str) -> None:
        """Documented: these are never sent again; the event is a dead letter."""
        webhook = Webhook(status)

        async with serving(webhook):
            delivery.connect(webhook.base_url, "system-key")
            await delivery.subscribe(subscription())
            await delivery.publish(pushed())
            await delivery.settle()

        (letter,) = delivery.dead_letters
        assert (letter["id"], letter["deliveryAttempts"], letter["lastDeliveryOutcome"]) == ("1", 1, word)

    @pytest.mark.parametrize(
        ("limits", "reason"),
        [({"max_attempts": 2}, "MaxDeliveryAttemptsExceeded"), ({"ttl": timedelta(0)}, "TimeToLiveExceeded")],
    )
    async def test_gives_up_at_the_limits(self, delivery: EventDelivery, limits: dict[str, Any], reason: str) -> None:
        """After the last attempt or the time to live the event is a dead letter; here nobody answers."""
        webhook = Webhook()
        async with serving(webhook):
            delivery.connect(webhook.base_url, "system-key")
            await delivery.subscribe(subscription(**limits))

        await delivery.publish(pushed())
        await delivery.settle()

        assert [letter["deadLetterReason"] for letter in delivery.dead_letters] == [reason]


class TestDeadLetters:
    """What Event Grid leaves in a container."""

    @pytest.mark.parametrize(
        ("schema", "field"), [(Schema.EVENT_GRID, "deadLetterReason"), (Schema.CLOUD_EVENT, "deadletterreason")]
    )
    async def test_a_blob_with_an_array(
        self, delivery: EventDelivery, storage_account: str, schema: Schema, field: str
    ) -> None:
        """Named after the subscription in capitals and the hour; in the subscription's schema and its spelling."""
        webhook = Webhook(400)
        delivery.leave_dead_letters_in(DeadLetterContainer(storage_account))

        async with serving(webhook):
            delivery.connect(webhook.base_url, "system-key")
            await delivery.subscribe(subscription(schema=schema))
            await delivery.publish(pushed())
            await delivery.settle()

        async with ContainerClient.from_connection_string(storage_account, CONTAINER) as container:
            [blob] = [blob async for blob in container.list_blobs()]
            [event] = msgspec.json.decode(await (await container.download_blob(blob.name)).readall())
        name, *hour, last = blob.name.split("/")
        assert (name, [part.isdecimal() for part in hour], last[-5:]) == ("PUSHES", [True] * 4, ".json")
        assert (event["id"], event[field]) == ("1", "MaxDeliveryAttemptsExceeded")
