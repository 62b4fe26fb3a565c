"""The listener and the sender, against a queue in memory that stands in for the SDK's client."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError
from azure.storage.queue.aio import QueueClient

from sandbox.host.connections import QueueClients
from sandbox.host.functions import Binding, Function
from sandbox.host.host_json import QueueOptions
from sandbox.host.invoker import Invoker
from sandbox.host.messages import InvocationResponse, StatusResult
from sandbox.host.outputs import Outputs, Wakeups
from sandbox.host.queue_listener import QueueListener
from sandbox.host.queue_messages import MessageCodec
from sandbox.host.queue_processor import QueueProcessor
from sandbox.host.settings import AppSettings


class MemoryQueue:
    """Answers polls with what it was given, and counts them."""

    queue_name = "work"

    def __init__(self, *, exists: bool = True, failures: tuple[Exception, ...] = ()) -> None:
        """Start empty; each failure answers one poll."""
        self.polls = 0
        self.texts: list[str] = []
        self.exists = exists
        self._failures = list(failures)

    def receive_messages(self, **_: Any) -> "MemoryQueue":
        """Take a poll."""
        return self

    def by_page(self) -> AsyncIterator[AsyncIterator[Any]]:
        """The pages of a poll: one empty page."""
        return self._pages()

    async def send_message(self, text: str) -> None:
        """Keep the text; a queue that does not exist refuses."""
        if not self.exists:
            raise ResourceNotFoundError
        self.texts.append(text)

    async def create_queue(self) -> None:
        """Begin to exist."""
        self.exists = True

    async def _pages(self) -> AsyncIterator[AsyncIterator[Any]]:
        self.polls += 1
        if self._failures:
            raise self._failures.pop(0)
        yield self._nothing()

    async def _nothing(self) -> AsyncIterator[Any]:
        empty: tuple[Any, ...] = ()
        for message in empty:
            yield message


class IdleWorker:
    """A worker that succeeds at once."""

    async def invoke(self, _call: object, invocation_id: str, _retry: object) -> InvocationResponse:
        """Succeed."""
        return InvocationResponse(invocation_id, StatusResult(StatusResult.Success))


def outputs(wakeups: Wakeups) -> Outputs:
    """The sending side, without connections."""
    settings = AppSettings({})
    return Outputs(QueueClients(settings), settings, MessageCodec(base64=True), wakeups)


def listener(queue: MemoryQueue, wake: asyncio.Event) -> QueueListener:
    """A listener on the queue whose back-off may grow to an hour."""
    sending = outputs(Wakeups())
    trigger = Binding(type="queueTrigger", name="m", direction="IN", queue_name="work")
    processor = QueueProcessor(
        function=Function(name="work", id="1", trigger=trigger),
        queue=cast("QueueClient", queue),
        poison=None,
        invoker=Invoker(IdleWorker(), sending, None),
        outputs=sending,
        codec=MessageCodec(base64=True),
        options=QueueOptions(max_polling_interval=timedelta(hours=1)),
        invisibility=timedelta(minutes=10),
    )
    return QueueListener(processor, wake)


async def polled(queue: MemoryQueue, count: int) -> None:
    """Wait until the queue has been polled so often."""
    async with asyncio.timeout(5):
        while queue.polls < count:
            await asyncio.sleep(0)


class TestWaking:
    """A listener that has been idle for long."""

    async def test_woken_out_of_a_long_wait(self) -> None:
        """After a dozen empty polls the next would be minutes away; a message of this host makes it come at once."""
        queue, wake = MemoryQueue(), asyncio.Event()
        listening = listener(queue, wake)
        listening.start()
        for count in range(1, 15):
            await polled(queue, count)
            wake.set()

        await polled(queue, 15)
        await listening.stop()

    async def test_sending_wakes(self) -> None:
        """Whatever is sent wakes every listener of that queue and no other; a missing queue is made."""
        wakeups, queue = Wakeups(), MemoryQueue(exists=False)
        mine, other = [wakeups.register("work"), wakeups.register("work")], wakeups.register("other")
        await outputs(wakeups).send(cast("QueueClient", queue), ["a", "b"])

        assert queue.texts == ["a", "b"]
        assert [event.is_set() for event in (*mine, other)] == [True, True, False]


class TestTrouble:
    """Polls that fail."""

    async def test_passing_trouble_is_waited_out(self) -> None:
        """A missing queue, a server's error and a lost connection are polled again."""
        missing, server = ResourceNotFoundError("gone"), HttpResponseError("busy")
        missing.status_code, server.status_code = 404, 503
        queue, wake = MemoryQueue(failures=(missing, server, ServiceRequestError("refused"))), asyncio.Event()
        listening = listener(queue, wake)
        listening.start()
        for count in range(1, 5):
            await polled(queue, count)
            wake.set()

        await listening.stop()

    async def test_refusal_stops_the_listener(self) -> None:
        """A refusal that will not pass (403) ends the polling instead of filling the log."""
        refused = HttpResponseError("forbidden")
        refused.status_code = 403
        queue, wake = MemoryQueue(failures=(refused,)), asyncio.Event()
        listening = listener(queue, wake)
        listening.start()
        await polled(queue, 1)
        wake.set()

        for _ in range(1000):
            await asyncio.sleep(0)
        assert queue.polls == 1
        await listening.stop()
