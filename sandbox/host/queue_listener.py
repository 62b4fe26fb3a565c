"""Polls one queue for one function, as the Storage extension does: batches, limited work, back-off when it is empty.

A running receive is never cancelled: messages that the service has already made invisible would be lost to everybody
for ten minutes.
Source: azure-sdk-for-net, QueueListener.cs.
"""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from sandbox.host.backoff import PollingBackoff
from sandbox.host.queue_messages import ReceivedMessage
from sandbox.host.queue_processor import QueueProcessor

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage

_logger = logging.getLogger("Host.Triggers.Queues")
_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_PASSING = frozenset({404, 409})
"""The queue does not exist yet, or is being deleted: both may change."""


class QueueListener:
    """Receives messages and starts their processing."""

    def __init__(self, processor: QueueProcessor, wake: asyncio.Event) -> None:
        """Prepare a listener; `wake` is set when this host has put a message into the queue."""
        self._processor = processor
        self._wake = wake
        self._backoff = PollingBackoff(processor.options.max_polling_interval)
        self._in_work: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._polling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to poll."""
        self._stopping = False
        self._polling = asyncio.create_task(self._poll(), name=f"queue listener of {self._processor.function.name}")

    async def stop(self) -> None:
        """Stop polling; messages in work go on, and `finish` waits for them."""
        self._stopping = True
        self._wake.set()
        if self._polling is not None:
            await self._polling
            self._polling = None

    async def finish(self) -> None:
        """Wait until all messages in work are completed."""
        while self._in_work:
            await asyncio.wait(self._in_work)

    async def _poll(self) -> None:
        name = self._processor.queue.queue_name
        while not self._stopping:
            self._wake.clear()
            try:
                batch = await self._receive()
            except Exception:
                _logger.exception(
                    "The listener of function '%s' stopped: queue '%s'.", self._processor.function.name, name
                )
                return
            if batch:
                self._backoff.reset()
                for message in batch:
                    self._start(message)
                await self._room_for_more()
            elif not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._backoff.next().total_seconds()):
                        await self._wake.wait()

    async def _receive(self) -> list[ReceivedMessage]:
        """One request for a batch; nothing when the queue is empty, missing or out of reach for now."""
        from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

        client, seconds = self._processor.queue, round(self._processor.invisibility.total_seconds())
        pages = client.receive_messages(
            messages_per_page=self._processor.options.batch_size, visibility_timeout=seconds
        ).by_page()
        try:
            async for page in pages:
                return [_received(message) async for message in page]
        except HttpResponseError as error:
            status = error.status_code or _SERVER_ERROR
            if _CLIENT_ERROR <= status < _SERVER_ERROR and status not in _PASSING:
                raise
            _logger.debug("Queue '%s' can't be read for now: %s", client.queue_name, error)
        except (ServiceRequestError, ServiceResponseError) as error:
            _logger.warning("Queue '%s' is out of reach: %s", client.queue_name, error)
        return []

    def _start(self, message: ReceivedMessage) -> None:
        task = asyncio.create_task(self._processor.process(message))
        self._in_work.add(task)
        task.add_done_callback(self._in_work.discard)

    async def _room_for_more(self) -> None:
        """Wait until no more than `newBatchThreshold` messages are in work."""
        while len(self._in_work) > self._processor.options.new_batch_threshold and not self._stopping:
            await asyncio.wait(self._in_work, return_when=asyncio.FIRST_COMPLETED)


def _received(message: "QueueMessage") -> ReceivedMessage:
    """The SDK declares every field as optional, because it uses the same class for messages to send."""
    return msgspec.convert({**vars(message), "text": message.content}, ReceivedMessage)
