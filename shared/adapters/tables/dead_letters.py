"""Dead letters, one row each."""

from collections.abc import AsyncIterator
from typing import Any, Final

from shared.adapters.tables.client import PARTITION, Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.latest import Choice
from shared.adapters.tables.records import Records
from shared.application.dead_letter_ports import Letters
from shared.application.ports import Position, Stored
from shared.domain.dead_letters import DeadLetter

_ROW: Final = "letter"


class TableLetters(Letters):
    """Letters in the table `deadletters`."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("deadletters"), DeadLetter, _columns)

    async def get(self, letter_id: str) -> Stored[DeadLetter] | None:
        """The letter, None when there is none."""
        return await self._records.get(table_key(letter_id), _ROW)

    async def insert(self, letter: DeadLetter) -> None:
        """Store a new letter; raises `Changed` when it exists."""
        await self._records.insert(table_key(letter.id), _ROW, letter)

    async def replace(self, stored: Stored[DeadLetter], letter: DeadLetter) -> None:
        """Replace a letter as it was read; raises `Changed` when it was changed since."""
        await self._records.replace(table_key(letter.id), _ROW, letter, stored.etag)

    async def newest(self, limit: int, *, before: Position | None = None) -> AsyncIterator[DeadLetter]:
        """Letters that were given up, at most `limit`, latest change first."""
        choice = Choice(
            column="updated_at",
            conditions=("deaths gt 0",),
            before=before,
            key=lambda entity: str(entity[PARTITION]),
        )
        async for stored in self._records.latest(limit, choice):
            yield stored.value


def _columns(letter: DeadLetter) -> dict[str, Any]:
    return {"deaths": letter.deaths, "updated_at": letter.updated_at}
