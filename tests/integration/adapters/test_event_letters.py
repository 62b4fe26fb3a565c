"""Event Grid's dead-letter blobs, on a real blob service: listed, read in bounds, deleted, and marked."""

import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import ContainerClient

from sandbox.frame.faults import FaultRule
from shared.adapters.event_letters import BlobEventLetters
from shared.application.dead_letter_ports import EventLetters, LetterFile
from shared.errors import TemporaryError
from tests.integration.adapters.support import FaultyStorage

CONTAINER = "event-dead-letters"
NAMES = ("A/2026/11/24/5/1.json", "A/2026/11/24/5/2.json", "B ü/2026/11/24/10/3.json")
ODD_NAMES = (
    "a b.json",
    "100%.json",
    "what?.json",
    "#1.json",
    "ä/ö/😀.json",
    "a'b\"c.json",
    "<b>&amp;.json",
    "a+b=c;d@e.json",
)


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

    async def test_a_compressed_file_is_read_as_it_is(self, letters: EventLetters, container: ContainerClient) -> None:
        """Event Grid writes none: a small one could unfold to more than there is memory."""
        bomb = gzip.compress(b"\0" * 64_000_000)
        await container.upload_blob("bomb", bomb, content_settings=ContentSettings(content_encoding="gzip"))

        assert await letters.read("bomb", 1_000_000) == bomb

    @pytest.mark.parametrize("name", ODD_NAMES)
    async def test_whatever_its_name(self, letters: EventLetters, container: ContainerClient, name: str) -> None:
        """It is read, set aside and deleted under it, and no other file is."""
        for other in NAMES:
            await letters.delete(other)
        await container.upload_blob(name, b"[1]")

        assert await unread(letters) == [name]
        assert await letters.read(name, 10) == b"[1]"
        await letters.set_aside(name)
        assert await unread(letters) == []
        await letters.delete(name)
        assert [blob.name async for blob in container.list_blobs()] == []

    async def test_one_that_is_deleted_while_it_is_read(
        self, letters: EventLetters, container: ContainerClient, faulty_storage: FaultyStorage
    ) -> None:
        """Between two pieces: it is gone, and no error."""
        await container.upload_blob("large", b"x" * 900_000)
        gone = FaultRule(path="/large", status=404, headers={"x-ms-error-code": "BlobNotFound"}, skip=1)
        faulty_storage.faults.add(gone)

        assert await letters.read("large", 900_000) is None

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
