"""What happens to one received message: run the function on it, hide it meanwhile, then delete, release or poison it.

The order makes a crash at any point harmless: a message is deleted only after the function's outputs are written, and
copied to the poison queue before it is deleted. The renewal is never cut off in the middle: its answer carries the pop
receipt that the deletion needs.
Source: azure-sdk-for-net, QueueProcessor.cs and QueueListener.cs.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from sandbox.host.calls import Call, InvocationFailed
from sandbox.host.functions import Function
from sandbox.host.host_json import QueueOptions
from sandbox.host.invoker import Invoker
from sandbox.host.messages import TypedData
from sandbox.host.outputs import Outputs
from sandbox.host.queue_messages import MessageCodec, ReceivedMessage, UndecodableMessage

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient

_logger = logging.getLogger("Host.Triggers.Queues")
_POISON_SUFFIX = "-poison"
_LONGEST_QUEUE_NAME = 63
_GONE = frozenset({"PopReceiptMismatch", "MessageNotFound", "QueueNotFound", "QueueBeingDeleted", "QueueDisabled"})
"""Codes that mean: somebody else has the message, or it is gone. Nothing is left to do."""


def poison_queue_name(queue: str) -> str | None:
    """The queue for messages that keep failing; None where there is none, and a failed message just stays invisible."""
    name = queue + _POISON_SUFFIX
    return None if queue.endswith(_POISON_SUFFIX) or len(name) > _LONGEST_QUEUE_NAME else name


class QueueProcessor(msgspec.Struct, frozen=True, kw_only=True):
    """Processes the messages of one queue for one function.

    Attributes:
        poison: the queue for messages that keep failing, or None.
        invisibility: how long a message that is being worked on stays invisible if its host dies.
    """

    function: Function
    queue: "QueueClient"
    poison: "QueueClient | None"
    invoker: Invoker
    outputs: Outputs
    codec: MessageCodec
    options: QueueOptions
    invisibility: timedelta

    async def process(self, message: ReceivedMessage) -> None:
        """Handle a message to its end; storage errors are logged, and the message then reappears by itself."""
        try:
            if message.dequeue_count > self.options.max_dequeue_count:
                await self._poison(message)
                return
            try:
                body = self.codec.decode(message.text)
            except UndecodableMessage as error:
                _logger.warning(
                    "Message '%s' in queue '%s' can't be decoded: %s", message.id, self.queue.queue_name, error
                )
                await self._poison(message)
                return
            await self._complete(message, succeeded=await self._run(message, body))
        except Exception:
            _logger.exception("Message '%s' in queue '%s' could not be completed.", message.id, self.queue.queue_name)

    async def _run(self, message: ReceivedMessage, body: bytes) -> bool:
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(message, done))
        try:
            await self.invoker.call(
                Call(
                    function=self.function,
                    data=self._data(body),
                    reason=f"New queue message detected on '{self.queue.queue_name}'.",
                    metadata=message.metadata(body),
                )
            )
        except InvocationFailed:
            return False
        else:
            return True
        finally:
            done.set()
            await renewing

    async def _renew(self, message: ReceivedMessage, done: asyncio.Event) -> None:
        """Extend the invisibility at half time, again and again, until done."""
        from azure.core.exceptions import AzureError

        seconds = self.invisibility.total_seconds()
        while True:
            try:
                async with asyncio.timeout(seconds / 2):
                    await done.wait()
                    return
            except TimeoutError:
                pass
            try:
                receipt = message.pop_receipt
                renewed = await self.queue.update_message(message.id, receipt, visibility_timeout=round(seconds))
                message.pop_receipt = renewed.pop_receipt or receipt
            except AzureError as error:
                _logger.warning("The invisibility of message '%s' could not be renewed: %s", message.id, error)

    async def _complete(self, message: ReceivedMessage, *, succeeded: bool) -> None:
        if succeeded:
            with _unless_gone(message):
                await self.queue.delete_message(message.id, message.pop_receipt)
        elif self.poison is None:
            pass  # released, it would fail again at once and for ever; so it stays invisible until its time is over
        elif message.dequeue_count >= self.options.max_dequeue_count:
            await self._poison(message)
        else:
            visible_in = round(self.options.visibility_timeout.total_seconds())
            with _unless_gone(message):
                await self.queue.update_message(message.id, message.pop_receipt, visibility_timeout=visible_in)

    async def _poison(self, message: ReceivedMessage) -> None:
        if self.poison is None:
            return
        limit, name = self.options.max_dequeue_count, self.poison.queue_name
        _logger.warning("Message has reached MaxDequeueCount of %d. Moving message to queue '%s'.", limit, name)
        await self.outputs.send(self.poison, [message.text])
        with _unless_gone(message):
            await self.queue.delete_message(message.id, message.pop_receipt)

    def _data(self, body: bytes) -> TypedData:
        if self.function.trigger.data_type == "BINARY":
            return TypedData(bytes=body)
        return TypedData(string=body.decode(errors="replace"))


@contextmanager
def _unless_gone(message: ReceivedMessage) -> Iterator[None]:
    from azure.core.exceptions import HttpResponseError

    try:
        yield
    except HttpResponseError as error:
        code = getattr(error, "error_code", None)
        if code not in _GONE:
            raise
        _logger.debug("Message '%s' is no longer this host's: %s", message.id, code)
