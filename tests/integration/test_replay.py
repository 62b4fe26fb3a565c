"""A dead letter of an event that no queue message could hold, replayed through Azurite's queues and tables."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from azure.storage.queue.aio import QueueServiceClient

from shared.adapters.queues import StorageQueue
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from shared.adapters.tables.dead_letters import TableLetters
from shared.application.assembly import Application
from shared.application.dead_letters import NothingToReplay
from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.ports import Stored
from shared.domain.dead_letters import DeadLetter, Failure, LetterState
from shared.errors import TemporaryError
from tests.fakes.application import TestApplication
from tests.fixtures.events import pushed

ESCAPED = "\x01" * 2048  # the longest text that is kept of a field, each character of it six in JSON
FIELDS = ("mediaType", "tag", "version")
SPELLINGS = ("{}", " {}", "{} ", " {} ", "  {}")


def large() -> dict[str, Any]:
    """An event about a push of which some 200 KB are kept."""
    event = pushed("app")
    padding = {spelling.format(field): ESCAPED for field in FIELDS for spelling in SPELLINGS[1:]}
    event["data"]["target"] |= padding | {"mediaType": ESCAPED}
    return event | {"id ": ESCAPED, "source": ESCAPED, "subject": ESCAPED, "type": ESCAPED}


class Killed(TableLetters):
    """Letters whose next replacement never comes: the process was killed before it."""

    kills = 0

    async def replace(self, stored: Stored[DeadLetter], letter: DeadLetter) -> None:
        """Die, as often as it is to be."""
        if self.kills:
            self.kills -= 1
            raise TemporaryError("killed")
        await super().replace(stored, letter)


class Stage:
    """An application on Azurite's queues and letters, and what its worker would take."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        account = StorageAccount(connection_string=connection)
        self.tables, self.queue = Tables(account), StorageQueue(account)
        self.letters = Killed(self.tables)
        self.world = TestApplication()
        ports = msgspec.structs.replace(self.world.ports(), queue=self.queue, letters=self.letters)
        self.app: Application = self.world.another(ports=ports)

    async def lost(self, event: dict[str, Any]) -> str:
        """Record an event that Event Grid gave up; the letter's id."""
        failure = Failure(self.world.clock.now(), attempt=30, code="MaxDeliveryAttemptsExceeded", text="given up")
        return (await self.app.events.lost(event, failure)).reason

    async def work(self) -> int:
        """Handle every message that waits, as the host does, and say how many it were."""
        done = 0
        async with QueueServiceClient.from_connection_string(self._connection) as service:
            client = service.get_queue_client(REMEDIATIONS)
            while taken := await client.receive_message():
                await self.app.remediation.handle(read_remediation(base64.b64decode(taken.content, validate=True)))
                await client.delete_message(taken)
                done += 1
        return done

    async def outcomes(self) -> list[tuple[str | None, str]]:
        """What came of every delivery."""
        return [(delivery.outcome, delivery.summary) async for delivery in self.world.deliveries.kept()]


@pytest_asyncio.fixture
async def stage(storage_account: str) -> AsyncIterator[Stage]:
    """The stage on an empty storage account."""
    made = Stage(storage_account)
    yield made
    await made.queue.aclose()
    await made.tables.aclose()


class TestReplay:
    """`DeadLetters.replay` of a large event."""

    async def test_it_is_worked_on(self, stage: Stage) -> None:
        """As if it had been delivered; a second replay is refused."""
        stage.world.lineage.bases["app"] = ()
        letter = await stage.lost(large())
        assert len((await stage.app.dead_letters.shown(letter)).body) > 200_000

        await stage.app.dead_letters.replay(letter)

        assert await stage.work() == 2
        assert await stage.outcomes() == [("ignored", "no_base")]
        with pytest.raises(NothingToReplay):
            await stage.app.dead_letters.replay(letter)

    async def test_one_that_dies_again_can_be_replayed_again(self, stage: Stage) -> None:
        """It is the same letter, twice dead."""
        letter = await stage.lost(large() | {"eventTime": ESCAPED})
        for deaths in (2, 3):
            assert (await stage.app.dead_letters.replay(letter)).state is LetterState.REPLAYED
            assert await stage.work() == 1
            shown = await stage.app.dead_letters.shown(letter)
            assert (shown.state, shown.deaths) == (LetterState.DEAD, deaths)

    async def test_killed_before_it_is_recorded(self, stage: Stage) -> None:
        """The letter stays dead, a second replay sends a second message, and the event is worked on once."""
        stage.world.lineage.bases["app"] = ()
        letter = await stage.lost(large())
        stage.letters.kills = 1
        with pytest.raises(TemporaryError, match="killed"):
            await stage.app.dead_letters.replay(letter)
        assert (await stage.app.dead_letters.shown(letter)).state is LetterState.DEAD

        stage.world.clock.advance(3600)
        await stage.app.dead_letters.replay(letter)

        assert await stage.work() == 4
        assert await stage.outcomes() == [("ignored", "no_base")]
        assert (await stage.app.dead_letters.shown(letter)).state is LetterState.REPLAYED

    async def test_more_than_is_kept(self, stage: Stage) -> None:
        """Half an event is none: the answer says so, and the sweep looks for itself."""
        letter = await stage.lost(large() | {" " * number + "source": ESCAPED for number in range(1, 9)})
        with pytest.raises(NothingToReplay, match="larger"):
            await stage.app.dead_letters.replay(letter)
