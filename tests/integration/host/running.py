"""What the tests of the host hold in their hands: a running host, its journal, its gates, its queues."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from sandbox.host.keys import HostKeys
from sandbox.host.launcher import HostProcess

APP = Path(__file__).parent / "app"
NEVER = "0 0 0 1 1 *"


async def eventually[T](find: Callable[[], T | None], what: str, within: float = 20) -> T:
    """Wait until there is something to find, and return it."""
    deadline = time.monotonic() + within
    while (found := find()) is None:
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        await asyncio.sleep(0.01)
    return found


class Journal:
    """What the functions of the app have noted."""

    def __init__(self, path: Path) -> None:
        """Take the file that the setting JOURNAL names."""
        self.path = path

    def of(self, function: str, **facts: object) -> list[dict[str, Any]]:
        """The entries of a function that contain the given facts."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        wanted = {"function": function, **facts}
        return [entry for entry in entries if entry.items() >= wanted.items()]

    async def wait_for(self, function: str, count: int = 1, **facts: object) -> list[dict[str, Any]]:
        """Wait for at least so many entries of a function."""

        def enough() -> list[dict[str, Any]] | None:
            found = self.of(function, **facts)
            return found if len(found) >= count else None

        return await eventually(enough, f"{count} entries of {function} {facts}")

    def open_gate(self, name: str) -> None:
        """Let the functions that wait at the gate go on."""
        self.path.with_name(name).touch()


class Queue:
    """A queue, seen from outside the host."""

    def __init__(self, storage: str, name: str) -> None:
        """Take a connection string and the queue's name; the queue need not exist."""
        self._client = QueueClient.from_connection_string(storage, name)

    async def send(self, body: object, *, raw: bool = False) -> str:
        """Put in a message (JSON, or bytes as they are), in base64 unless raw; returns its id."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.create()
        message = await self._client.send_message(data.decode() if raw else base64.b64encode(data).decode())
        assert message.id
        return message.id

    async def create(self) -> None:
        """Create the queue if it is not there."""
        with suppress(ResourceExistsError):
            await self._client.create_queue()

    async def texts(self) -> list[str]:
        """The raw texts of the visible messages, which stay where they are."""
        try:
            return [str(message.content) for message in await self._client.peek_messages(max_messages=32)]
        except ResourceNotFoundError:
            return []

    async def bodies(self) -> list[str]:
        """The decoded bodies of the visible messages."""
        return [base64.b64decode(text).decode() for text in await self.texts()]

    async def size(self) -> int:
        """How many messages the queue holds, invisible ones included; 0 when it does not exist."""
        try:
            return (await self._client.get_queue_properties()).approximate_message_count or 0
        except ResourceNotFoundError:
            return 0

    async def wait_for_size(self, size: int, within: float = 20) -> None:
        """Wait until the queue holds so many messages."""
        deadline = time.monotonic() + within
        while (found := await self.size()) != size:
            assert time.monotonic() < deadline, f"{self._client.queue_name} holds {found} messages, expected {size}"
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


class RunningHost:
    """A host that runs the app of the tests."""

    def __init__(self, process: HostProcess, journal: Journal, storage: str) -> None:
        """Take a started host."""
        self.process = process
        self.journal = journal
        self.storage = storage
        self._queues: list[Queue] = []
        self._session: aiohttp.ClientSession | None = None

    @property
    def keys(self) -> HostKeys:
        """The host's keys."""
        return self.process.keys

    @property
    def http(self) -> aiohttp.ClientSession:
        """A client whose addresses are relative to the host's."""
        if self._session is None:
            self._session = aiohttp.ClientSession(self.process.url)
        return self._session

    def queue(self, name: str) -> Queue:
        """A queue of the host's storage account."""
        self._queues.append(Queue(self.storage, name))
        return self._queues[-1]

    async def close(self) -> None:
        """Close what the test has opened; the host itself goes on."""
        for queue in self._queues:
            await queue.close()
        if self._session is not None:
            await self._session.close()
