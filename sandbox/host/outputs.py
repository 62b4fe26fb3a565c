"""Writes what a function set on its queue outputs, before its own trigger message may be deleted.

A failure to write is a failure of the invocation, so nothing that an invocation should have sent can be lost; it can be
sent twice. Sending also wakes the listener of the same host on that queue, which would otherwise sleep through its
polling interval (the extension's SharedQueueWatcher).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from sandbox.host.calls import InvocationFailed
from sandbox.host.connections import QueueClients
from sandbox.host.errors import BindingError
from sandbox.host.functions import Function
from sandbox.host.messages import InvocationResponse, RpcException
from sandbox.host.queue_messages import MessageCodec, message_bodies, output_values
from sandbox.host.settings import AppSettings

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient


class Wakeups:
    """Who to wake when this host puts a message into a queue, by the queue's name."""

    def __init__(self) -> None:
        self._events: dict[str, list[asyncio.Event]] = {}

    def register(self, queue: str) -> asyncio.Event:
        """A new event that is set whenever this host sends to the queue."""
        event = asyncio.Event()
        self._events.setdefault(queue, []).append(event)
        return event

    def notify(self, queue: str) -> None:
        """Wake the listeners of the queue."""
        for event in self._events.get(queue, ()):
            event.set()


class Outputs:
    """The sending side of queues."""

    def __init__(self, clients: QueueClients, settings: AppSettings, codec: MessageCodec, wakeups: Wakeups) -> None:
        self._clients = clients
        self._settings = settings
        self._codec = codec
        self._wakeups = wakeups

    def check(self, function: Function) -> None:
        """Resolve the function's queue outputs once, so a missing setting is found at start; raises `BindingError`."""
        for binding in function.outputs:
            if binding.type == "queue":
                self._clients.get(binding.connection, self._settings.resolve(binding.queue_name))

    async def write(self, function: Function, response: InvocationResponse) -> None:
        """Send the function's queue messages; raises `InvocationFailed` when one can't be sent."""
        from azure.core.exceptions import AzureError

        values = output_values(response)
        for binding in function.outputs:
            value = values.get(binding.name)
            if binding.type != "queue" or value is None:
                continue
            try:
                client = self._clients.get(binding.connection, self._settings.resolve(binding.queue_name))
                await self.send(client, [self._codec.encode(body) for body in message_bodies(value)])
            except (AzureError, BindingError, UnicodeDecodeError) as error:
                message = f"Error while handling parameter {binding.name} after function returned: {error}"
                raise InvocationFailed(RpcException(message)) from error

    async def send(self, client: "QueueClient", texts: Sequence[str]) -> None:
        """Put texts into a queue as they are, in their order; a queue that does not exist is created."""
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        for text in texts:
            try:
                await client.send_message(text)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    await client.create_queue()
                await client.send_message(text)
        self._wakeups.notify(client.queue_name)
