"""The outbox: notices are stored before they are sent, so that a crash in between loses none."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from shared.adapters.tables.client import ROW, Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.latest import Choice
from shared.adapters.tables.records import Records
from shared.application.ports import Changed, Outbox, OutboxRow, Position, Stored


class TableOutbox(Outbox):
    """Outbox rows in the table `outbox`, a partition per incident."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("outbox"), OutboxRow, _columns)

    async def add(self, row: OutboxRow) -> None:
        """Store the row; one that is there already stays as it is."""
        try:
            await self._records.insert(table_key(row.subject), table_key(row.row), row)
        except Changed:
            return

    async def get(self, subject: str, row: str) -> Stored[OutboxRow] | None:
        """The row, None when there is none."""
        return await self._records.get(table_key(subject), table_key(row))

    async def replace(self, stored: Stored[OutboxRow], row: OutboxRow) -> None:
        """Replace a row as it was read; raises `Changed` when it was changed since."""
        await self._records.replace(table_key(row.subject), table_key(row.row), row, stored.etag)

    async def about(self, subject: str) -> AsyncIterator[OutboxRow]:
        """The rows about a subject."""
        values = {"partition": table_key(subject)}
        async for stored in self._records.query("PartitionKey eq @partition", values):
            yield stored.value

    async def of_channel(self, channel: str, limit: int, *, before: Position | None = None) -> AsyncIterator[OutboxRow]:
        """A channel's rows, at most `limit`, the latest first."""
        place = msgspec.structs.replace(before, key=table_key(before.key)) if before else None
        choice = Choice(
            column="queued_at",
            conditions=("channel eq @channel",),
            values={"channel": channel},
            before=place,
            key=lambda entity: str(entity[ROW]),
        )
        async for stored in self._records.latest(limit, choice):
            yield stored.value


def _columns(row: OutboxRow) -> dict[str, Any]:
    return {"channel": row.channel} | ({"queued_at": row.queued_at} if row.queued_at else {})
