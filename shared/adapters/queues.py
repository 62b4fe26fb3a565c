"""Storage queues, written as the Functions host reads them.

The trap: the host decodes base64 (`messageEncoding` of host.json) and throws what it can't decode into the poison queue
without running a function (observed), so every message is encoded here, whatever it holds.
"""

import math
from typing import Any

from shared.adapters.azure_errors import azure_call, error_code
from shared.adapters.clients import STORAGE_DEADLINE_S, storage_options
from shared.adapters.storage import StorageAccount
from shared.application.doctor.ports import Queues
from shared.application.ports import Queue
from shared.telemetry.names import Outside


class StorageQueue(Queue, Queues):
    """The queues of a storage account; clients are made on first use, closed by `aclose`."""

    def __init__(self, account: StorageAccount, credential: Any = None) -> None:
        self._account = account
        self._credential = credential
        self._service: Any = None

    async def send(self, queue: str, body: bytes, *, delay_s: float = 0) -> None:
        """Put a message on a queue, seen after `delay_s` seconds; the queue is made when it is missing."""
        from azure.core.exceptions import ResourceNotFoundError

        client, seconds = self._client(queue), math.ceil(delay_s)
        async with azure_call(Outside.QUEUES_SEND, f"sending to queue {queue}", deadline_s=STORAGE_DEADLINE_S):
            try:
                await client.send_message(body, visibility_timeout=seconds)
            except ResourceNotFoundError as error:
                if error_code(error) != "QueueNotFound":
                    raise
                await _create(client)
                await client.send_message(body, visibility_timeout=seconds)

    async def waiting(self, queue: str) -> int | None:
        """About how many messages lie on a queue, None when there is no such queue; peeks, so nothing is taken."""
        from azure.core.exceptions import ResourceNotFoundError

        client = self._client(queue)
        async with azure_call(Outside.QUEUES_LOOK, f"looking at queue {queue}", deadline_s=STORAGE_DEADLINE_S):
            try:
                properties, _ = await client.get_queue_properties(), await client.peek_messages()
            except ResourceNotFoundError as error:
                if error_code(error) != "QueueNotFound":
                    raise
                return None
        return int(properties.approximate_message_count or 0)

    async def aclose(self) -> None:
        """Close the connections."""
        service, self._service = self._service, None
        if service is not None:
            await service.close()

    def _client(self, queue: str) -> Any:
        from azure.storage.queue import BinaryBase64EncodePolicy

        if self._service is None:
            self._service = self._connect()
        return self._service.get_queue_client(queue, message_encode_policy=BinaryBase64EncodePolicy())

    def _connect(self) -> Any:
        from azure.storage.queue.aio import QueueServiceClient

        # This SDK's own waits: 15 s before its first retry, where an alert has five for everything.
        options = storage_options() | {"initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
        if self._account.connection_string:
            return QueueServiceClient.from_connection_string(self._account.connection_string, **options)
        return QueueServiceClient(self._account.queue_uri or "", credential=self._credential, **options)


async def _create(client: Any) -> None:
    from azure.core.exceptions import ResourceExistsError

    try:
        await client.create_queue()
    except ResourceExistsError as error:
        if error_code(error) != "QueueAlreadyExists":
            raise
