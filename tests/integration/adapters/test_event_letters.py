"""Event Grid's dead-letter blobs, on a real blob service: listed, read in bounds, deleted, and marked."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.storage.blob.aio import ContainerClient

from sandbox.frame.faults import FaultRule
from shared.adapters.event_letters import BlobEventLetters
from shared.application.dead_letter_ports import EventLetters, LetterFile
from shared.errors import TemporaryError
from tests.integration.adapters.support import FaultyStorage

CONTAINER = "event-dead-letters"
NAMES = ("A/2026/11/24/5/1.json", "A/2026/11/24/5/2.json", "B ü/2026/11/24/10/3.json")


@pytest_asyncio.fixture
async def letters(faulty_storage: FaultyStorage) -> AsyncIterator[EventLetters]:
    """The adapter, whose requests can be struck."""
    made = BlobEventLetters(faulty_storage.account, CONTAINER)
    yield made
    await made.aclose()


@pytest_asyncio.fixture
async def container(storage_account: str) -> AsyncIterator[ContainerClient]:
    """The container with three blobs, past the proxy."""
    async with ContainerClient.from_connection_string(storage_account, CONTAINER) as client:
        await client.create_container()
        for name in NAMES:
            await client.upload_blob(name, b"[{}]")
        yield client


async def unread(letters: EventLetters, most: int = 10) -> list[str]:
    """The names of what is to be read."""
    return [file.name async for file in letters.unread(most)]


class TestFiles:
    """What there is, and what becomes of it."""

    async def test_without_a_container_there_is_nothing(self, letters: EventLetters) -> None:
        """An installation whose subscriptions leave no dead letters."""
        assert await unread(letters) == []

    @pytest.mark.usefixtures("container")
    async def test_listed_and_read(self, letters: EventLetters) -> None:
        """At most so many files, and at most so many bytes of one."""
        assert [file async for file in letters.unread(2)] == [LetterFile(name, 4) for name in NAMES[:2]]
        assert await unread(letters) == list(NAMES)
        assert (await letters.read(NAMES[2], 100), await letters.read(NAMES[2], 2)) == (b"[{}]", b"[{")

    async def test_an_empty_file(self, letters: EventLetters, container: ContainerClient) -> None:
        """It reads as nothing."""
        await container.upload_blob("empty", b"")
        assert await letters.read("empty", 10) == b""

    async def test_a_large_file_is_read_in_bounds(
        self, letters: EventLetters, container: ContainerClient, faulty_storage: FaultyStorage
    ) -> None:
        """A piece a request, and none beyond what is asked for."""
        await container.upload_blob("large", b"x" * 900_000)
        assert await letters.read("large", 300_000) == b"x" * 300_000
        assert len(faulty_storage.exchanges.exchanges(path="/large")) == 2

    @pytest.mark.usefixtures("container")
    async def test_deleted_and_set_aside(self, letters: EventLetters, container: ContainerClient) -> None:
        """One that is set aside is not listed again, and is still there."""
        await letters.delete(NAMES[0])
        await letters.set_aside(NAMES[1])

        assert await unread(letters) == [NAMES[2]]
        assert [blob.name async for blob in container.list_blobs()] == list(NAMES[1:])
        assert await letters.read(NAMES[1], 100) == b"[{}]"

    @pytest.mark.usefixtures("container")
    async def test_what_is_gone(self, letters: EventLetters) -> None:
        """Another instance, or the account's own rule, was faster."""
        assert await letters.read("gone", 10) is None
        await letters.delete("gone")
        await letters.set_aside("gone")


class TestTrouble:
    """A storage account that is overloaded."""

    @pytest.mark.usefixtures("container")
    async def test_is_temporary(self, letters: EventLetters, faulty_storage: FaultyStorage) -> None:
        """In each call."""
        faulty_storage.faults.add(FaultRule(status=503))

        with pytest.raises(TemporaryError):
            await unread(letters)
        with pytest.raises(TemporaryError):
            await letters.read(NAMES[0], 10)
        with pytest.raises(TemporaryError):
            await letters.delete(NAMES[0])
        with pytest.raises(TemporaryError):
            await letters.set_aside(NAMES[0])
