"""Storage queues: messages as the Functions host reads them, and queues that hang or are overloaded."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.storage.queue.aio import QueueServiceClient

from sandbox.frame.faults import FaultRule, Phase
from shared.adapters.queues import StorageQueue
from shared.adapters.storage import StorageAccount
from shared.application.ports import Queue
from shared.errors import PermanentError, TemporaryError
from tests.integration.adapters.support import FaultyStorage

BODY = '{"type":"alert","delivery":"ü"}'.encode()


async def messages(account: StorageAccount, queue: str = "remediations") -> list[str]:
    """The texts of the messages that can be seen now."""
    async with QueueServiceClient.from_connection_string(account.connection_string or "") as service:
        return [message.content async for message in service.get_queue_client(queue).receive_messages()]


@pytest_asyncio.fixture
async def queue(faulty_storage: FaultyStorage) -> AsyncIterator[Queue]:
    """The adapter on an account without queues, whose requests can be struck."""
    made = StorageQueue(faulty_storage.account)
    yield made
    await made.aclose()


class TestSending:
    """What the host finds."""

    async def test_a_message(self, queue: Queue, faulty_storage: FaultyStorage) -> None:
        """A message is base64 text, on a queue that is made for the first one."""
        await queue.send("remediations", BODY)
        await queue.send("remediations", BODY)

        texts = await messages(faulty_storage.account)
        assert [base64.b64decode(text, validate=True) for text in texts] == [BODY, BODY]

    async def test_a_delay(self, queue: Queue, faulty_storage: FaultyStorage) -> None:
        """A delayed message is not seen yet, also one that is delayed by less than a second."""
        await queue.send("remediations", BODY, delay_s=0.5)
        await queue.send("remediations", BODY, delay_s=3600)
        seen = await messages(faulty_storage.account)

        assert seen == []
        async with QueueServiceClient.from_connection_string(faulty_storage.account.connection_string or "") as service:
            properties = await service.get_queue_client("remediations").get_queue_properties()
        assert properties.approximate_message_count == 2

    async def test_the_largest(self, queue: Queue, faulty_storage: FaultyStorage) -> None:
        """48 KiB are a message of 64 KiB, and fit."""
        await queue.send("remediations", b"x" * 48 * 1024)
        assert len(await messages(faulty_storage.account)) == 1

    async def test_one_that_is_too_large(self, queue: Queue) -> None:
        """What does not fit is refused for good."""
        with pytest.raises(PermanentError):
            await queue.send("remediations", b"x" * 49 * 1024)


class TestTrouble:
    """Queues that are overloaded, break off, or never answer."""

    @pytest.mark.parametrize("status", [500, 503])
    async def test_overload(self, queue: Queue, faulty_storage: FaultyStorage, status: int) -> None:
        """It is temporary at once, with the wait that storage asks for."""
        fault = faulty_storage.faults.add(FaultRule(status=status, headers={"Retry-After": "30"}))
        with pytest.raises(TemporaryError) as caught:
            await queue.send("remediations", BODY)

        assert (caught.value.retry_after, fault.fired) == (30, 1)

    @pytest.mark.parametrize("phase", Phase)
    async def test_one_dropped_connection(self, queue: Queue, faulty_storage: FaultyStorage, phase: Phase) -> None:
        """A connection that drops once is no trouble; the message may be there twice then."""
        await queue.send("remediations", b"first")
        faulty_storage.faults.add(FaultRule(times=1, drop=True, phase=phase))
        await queue.send("remediations", BODY)

        texts = [base64.b64decode(text) for text in await messages(faulty_storage.account)]
        assert set(texts) == {b"first", BODY}

    async def test_dropped_connections(self, queue: Queue, faulty_storage: FaultyStorage) -> None:
        """A queue that can't be reached is temporary."""
        faulty_storage.faults.add(FaultRule(drop=True))
        with pytest.raises(TemporaryError):
            await queue.send("remediations", BODY)

    async def test_no_answer(self, queue: Queue, faulty_storage: FaultyStorage) -> None:
        """A queue that hangs is given up while an alert can still be answered."""
        faulty_storage.faults.add(FaultRule(hold=True))
        async with asyncio.timeout(5):
            with pytest.raises(TemporaryError):
                await queue.send("remediations", BODY)
