"""Dead letters, records of drift and lineages in memory."""

from collections.abc import AsyncIterator
from datetime import datetime

from shared.application.dead_letter_ports import EventLetters, LetterFile, Letters
from shared.application.event_ports import DriftRecords, Lineage
from shared.application.ports import Clock, Position, Stored
from shared.application.registry_ports import NotThere
from shared.domain.dead_letters import DeadLetter
from shared.domain.drift import DriftRecord
from shared.domain.images import ImageReference, parse_reference
from tests.fakes.azure import Troubled
from tests.fakes.records import Records, page_of


class MemoryLetters(Letters):
    """Letters in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._records = Records(DeadLetter, clock)

    async def get(self, letter_id: str) -> Stored[DeadLetter] | None:
        """The letter, None when there is none."""
        return await self._records.get(letter_id)

    async def insert(self, letter: DeadLetter) -> None:
        """Store a new letter; raises `Changed` when it exists."""
        await self._records.insert(letter.id, letter)

    async def replace(self, stored: Stored[DeadLetter], letter: DeadLetter) -> None:
        """Replace a letter as it was read; raises `Changed` when it was changed since."""
        await self._records.replace(letter.id, stored.etag, letter)

    async def newest(self, limit: int, *, before: Position | None = None) -> AsyncIterator[DeadLetter]:
        """Letters that were given up, latest change first."""
        dead = [stored.value async for stored in self._records.all() if stored.value.deaths]
        for letter in page_of(dead, limit, before, lambda letter: (letter.updated_at, letter.id)):
            yield letter

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        return await self._records.prune(before, most)


class MemoryEventLetters(Troubled, EventLetters):
    """Event Grid's files in memory.

    Attributes:
        files: name → content.
        aside: the names of those that were set aside.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.aside: set[str] = set()
        self.read_names: list[str] = []

    async def unread(self, most: int) -> AsyncIterator[LetterFile]:
        """The files that are there, without those that were set aside."""
        self._called("unread")
        for name in [name for name in sorted(self.files) if name not in self.aside][:most]:
            yield LetterFile(name, len(self.files[name]))

    async def read(self, name: str, most: int) -> bytes | None:
        """The first `most` bytes of a file."""
        self._called("read")
        self.read_names.append(name)
        found = self.files.get(name)
        return None if found is None else found[:most]

    async def delete(self, name: str) -> None:
        """Delete a file."""
        self._called("delete")
        self.files.pop(name, None)

    async def set_aside(self, name: str) -> None:
        """Mark a file that can't be read."""
        self._called("set_aside")
        self.aside.add(name)


class MemoryDriftRecords(DriftRecords):
    """Records in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._records = Records(DriftRecord, clock)

    async def get(self, resource: str) -> Stored[DriftRecord] | None:
        """The record, None when there is none."""
        return await self._records.get(resource)

    async def insert(self, record: DriftRecord) -> None:
        """Store a new record; raises `Changed` when it exists."""
        await self._records.insert(record.resource, record)

    async def replace(self, stored: Stored[DriftRecord], record: DriftRecord) -> None:
        """Replace a record as it was read; raises `Changed` when it was changed since."""
        await self._records.replace(record.resource, stored.etag, record)

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        return await self._records.prune(before, most)


class FakeLineage(Troubled, Lineage):
    """What each repository's images are made of; a repository that is not here is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.bases: dict[str, tuple[str, ...]] = {}
        self.read: list[str] = []

    async def made_of(self, login_server: str, repository: str, reference: str) -> tuple[ImageReference, ...]:
        """The references that the test has put in."""
        self._called("made_of")
        self.read.append(f"{repository}:{reference}")
        if repository not in self.bases:
            raise NotThere(f"{repository} is not known")
        return tuple(parse_reference(text) for text in self.bases[repository])
