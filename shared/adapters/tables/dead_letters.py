"""Dead letters, one row each."""

from collections.abc import AsyncIterator
from typing import Final

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records
from shared.application.dead_letter_ports import Letters
from shared.application.ports import Stored
from shared.domain.dead_letters import DeadLetter

_ROW: Final = "letter"


class TableLetters(Letters):
    """Letters in the table `deadletters`."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("deadletters"), DeadLetter)

    async def get(self, letter_id: str) -> Stored[DeadLetter] | None:
        """The letter, None when there is none."""
        return await self._records.get(table_key(letter_id), _ROW)

    async def insert(self, letter: DeadLetter) -> None:
        """Store a new letter; raises `Changed` when it exists."""
        await self._records.insert(table_key(letter.id), _ROW, letter)

    async def replace(self, stored: Stored[DeadLetter], letter: DeadLetter) -> None:
        """Replace a letter as it was read; raises `Changed` when it was changed since."""
        await self._records.replace(table_key(letter.id), _ROW, letter, stored.etag)

    async def all(self) -> AsyncIterator[DeadLetter]:
        """Every letter, in no order."""
        async for stored in self._records.readable("", {}):
            yield stored.value
