"""Intake: what is accepted, what is refused and how, and what happens when the storage is in trouble."""

import msgspec
import pytest

from shared.application.intake import AlertTooLarge, Intake
from shared.application.messages import REMEDIATIONS, AlertMessage, read_remediation
from shared.application.ports import Queue
from shared.errors import CachewardenError, TemporaryError
from tests.fakes.application import TestApplication, log_alert


class TestAccept:
    """`Intake.accept`."""

    async def test_an_alert_lies_on_the_queue_when_it_is_accepted(self) -> None:
        """The message holds the parsed alert and the delivery's key."""
        world = TestApplication()

        assert await world.alert() is False

        [message] = [read_remediation(body) for body in world.queue.take(REMEDIATIONS)]
        assert isinstance(message, AlertMessage)
        assert message.alert is not None
        assert message.alert.rule == "image-pulls-limited"
        assert message.alert.delivery_key == message.delivery

    async def test_a_delivery_that_was_processed_is_not_enqueued_again(self) -> None:
        """The same delivery twice is one."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        assert await world.alert() is True
        assert world.queue.take(REMEDIATIONS) == []

    async def test_a_delivery_that_was_not_processed_is_enqueued_again(self) -> None:
        """A crash between the record and the message must not lose the alert."""
        world = TestApplication()
        await world.alert()
        world.queue.take(REMEDIATIONS)

        assert await world.alert() is False
        assert len(world.queue.take(REMEDIATIONS)) == 1

    async def test_fired_and_resolved_are_two_deliveries(self) -> None:
        """They share the alert's id and differ in the condition."""
        world = TestApplication()
        await world.alert(log_alert(condition="Fired"))
        await world.alert(log_alert(condition="Resolved"))

        first, second = (read_remediation(body) for body in world.queue.take(REMEDIATIONS))
        assert isinstance(first, AlertMessage)
        assert isinstance(second, AlertMessage)
        assert first.delivery != second.delivery

    async def test_a_large_alert_is_stored_and_referred_to(self) -> None:
        """A queue message holds 48 KiB before base64; the rest waits in the payload store."""
        world = TestApplication()
        document = log_alert()
        dimensions = document["data"]["alertContext"]["condition"]["allOf"][0]["dimensions"]
        dimensions += [{"name": f"Dimension{n}", "value": "x" * 4000} for n in range(40)]

        await world.alert(document)

        [message] = [read_remediation(body) for body in world.queue.take(REMEDIATIONS)]
        assert isinstance(message, AlertMessage)
        assert message.alert is None
        assert await world.payloads.get(message.delivery) is not None

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"\xff\xfe", "not JSON"),
            (b"[]", "object"),
            (b"{}", "expected"),
            (b'{"schemaId": "somethingElse"}', "somethingElse"),
            (b"[" * 100_000, "not JSON"),
        ],
    )
    async def test_what_is_no_alert_is_refused_with_what_was_expected(self, body: bytes, says: str) -> None:
        """The sender learns what was found and what was expected; nothing is enqueued."""
        world = TestApplication()

        with pytest.raises(CachewardenError, match=says) as refusal:
            await world.app.intake.accept(body)

        assert getattr(refusal.value, "status", None) == 400
        assert world.queue.sent == []

    async def test_a_body_that_is_too_large_is_refused_unread(self) -> None:
        """413, with the limit."""
        world = TestApplication()

        with pytest.raises(AlertTooLarge, match="1048576"):
            await world.app.intake.accept(b"x" * (1024 * 1024 + 1))

    async def test_trouble_with_the_storage_is_told_and_nothing_counts_as_accepted(self) -> None:
        """The trigger answers 503, and the action group calls again."""
        world = TestApplication()

        troubled = Intake(
            deliveries=world.deliveries,
            payloads=world.payloads,
            queue=BrokenQueue(),
            clock=world.clock,
            largest_alert=100_000,
        )

        with pytest.raises(TemporaryError, match="does not answer"):
            await troubled.accept(msgspec.json.encode(log_alert()))

        assert await world.alert() is False
        assert len(world.queue.take(REMEDIATIONS)) == 1


class BrokenQueue(Queue):
    """A queue that does not answer."""

    async def send(self, queue: str, body: bytes, *, delay_s: float = 0) -> None:
        """Raise what the adapter raises when the storage is down."""
        raise TemporaryError("the queue does not answer")
