"""The files in which Event Grid leaves what it could not deliver: blobs in a container of the app's own account.

Named `SUBSCRIPTION/yyyy/m/d/h/<guid>.json`, the event subscription's name in capitals, the rest without zeros in front
(documented, https://learn.microsoft.com/azure/event-grid/manage-event-delivery). A file that is set aside gets a mark
in its metadata, which a listing brings along.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from shared.adapters.azure_errors import azure_call
from shared.adapters.clients import STORAGE_DEADLINE_S, storage_options
from shared.adapters.storage import StorageAccount
from shared.application.dead_letter_ports import EventLetters, LetterFile
from shared.telemetry.names import Outside

_MARK: Final = "cachewarden"
_SET_ASIDE: Final = {_MARK: "unreadable"}
_READING_S: Final = 20.0
_PIECE: Final = 256 * 1024
"""Bytes of one request: whatever a blob's size, no more than one piece too many is read."""


class BlobEventLetters(EventLetters):
    """A container's blobs; the client is made on first use, closed by `aclose`."""

    def __init__(self, account: StorageAccount, container: str, credential: Any = None) -> None:
        self._account = account
        self._container = container
        self._credential = credential
        self._made: Any = None

    async def aclose(self) -> None:
        """Close the connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    async def unread(self, most: int) -> AsyncIterator[LetterFile]:
        """The files that are there, at most so many, without those that were set aside; none without the container."""
        from azure.core.exceptions import ResourceNotFoundError

        pages, found = self._client().list_blobs(include=["metadata"]).by_page(), 0
        while True:
            async with self._call(Outside.BLOBS_LIST, STORAGE_DEADLINE_S):
                try:
                    page = [blob async for blob in await anext(pages)]
                except (StopAsyncIteration, ResourceNotFoundError):
                    return
            for blob in page:
                if _MARK in (blob.metadata or {}):
                    continue
                if found == most:
                    return
                found += 1
                yield LetterFile(blob.name, blob.size)

    async def read(self, name: str, most: int) -> bytes | None:
        """The first `most` bytes of a file, None when it is gone."""
        from azure.core.exceptions import ResourceNotFoundError

        async with self._call(Outside.BLOBS_READ, _READING_S):
            try:
                # Without a range: that of an empty blob would be refused (observed).
                # As it is: unpacked, a small one may be larger than the memory.
                return bytes(await (await self._client().download_blob(name, decompress=False)).read(most))
            except ResourceNotFoundError:
                return None

    async def delete(self, name: str) -> None:
        """Delete a file whose events are recorded; one that is gone is left alone."""
        from azure.core.exceptions import ResourceNotFoundError

        async with self._call(Outside.BLOBS_DELETE, STORAGE_DEADLINE_S):
            try:
                await self._client().delete_blob(name)
            except ResourceNotFoundError:
                return

    async def set_aside(self, name: str) -> None:
        """Mark a file that can't be read, so that it is not tried again; it stays for people to look at."""
        from azure.core.exceptions import ResourceNotFoundError

        async with self._call(Outside.BLOBS_MARK, STORAGE_DEADLINE_S):
            try:
                await self._client().get_blob_client(name).set_blob_metadata(_SET_ASIDE)
            except ResourceNotFoundError:
                return

    def _call(self, call: Outside, seconds: float) -> Any:
        self._client()  # importing the SDK takes long on a cold instance, and is not the storage's delay
        return azure_call(call, f"{call.operation} in container {self._container}", deadline_s=seconds)

    def _client(self) -> Any:
        if self._made is None:
            from azure.storage.blob.aio import ContainerClient

            # This SDK's own waits: 15 s before its first retry, as the queues' has.
            options = storage_options() | {"initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
            options |= {"max_single_get_size": _PIECE, "max_chunk_get_size": _PIECE}
            if self._account.connection_string:
                self._made = ContainerClient.from_connection_string(
                    self._account.connection_string, self._container, **options
                )
            else:
                self._made = ContainerClient(
                    self._account.blob_uri or "", self._container, credential=self._credential, **options
                )
        return self._made
