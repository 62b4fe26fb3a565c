"""The outbox: notices are stored before they are sent, so that a crash in between loses none."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Any

from shared.adapters.tables.client import PARTITION, ROW, Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.latest import Choice
from shared.adapters.tables.records import Records
from shared.application.outbox_ports import Outbox, OutboxMark, OutboxQuestion, OutboxRow, RowState
from shared.application.ports import Changed, Position, Stored


class TableOutbox(Outbox):
    """Outbox rows in the table `outbox`, a partition per subject."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("outbox")
        self._records = Records(self._table, OutboxRow, _columns)

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
        async for stored in self._records.readable("PartitionKey eq @partition", values):
            yield stored.value

    async def newest(
        self, question: OutboxQuestion, limit: int, *, behind: OutboxMark | None
    ) -> AsyncIterator[OutboxRow]:
        """The rows that a question selects, at most `limit`, the newest first, from behind a mark on."""
        condition, values = _condition(question)
        last = None if behind is None else _place(table_key(behind.subject), table_key(behind.row))
        choice = Choice(
            column="queued_at",
            conditions=(condition,) if condition else (),
            values=values,
            before=None if behind is None or last is None else Position(behind.queued_at, last),
            key=lambda entity: _place(entity[PARTITION], entity[ROW]),
        )
        async for stored in self._records.latest(limit, choice):
            yield stored.value

    async def counts(self) -> Mapping[str, Mapping[RowState, int]]:
        """Channel → how many of its rows are in which state."""
        counted: dict[str, Counter[RowState]] = defaultdict(Counter)
        async for entity, _ in self._table.query(select=("channel", "state")):
            counted[entity["channel"]][RowState(entity["state"])] += 1
        return counted


def _place(partition: str, row: str) -> str:
    """Compares as the two do one after the other; keys hold no such character."""
    return f"{partition}\0{row}"


def _columns(row: OutboxRow) -> dict[str, Any]:
    return {
        "queued_at": row.mark.queued_at,
        "channel": row.channel,
        "kind": str(row.notice.kind),
        "state": str(row.state),
    }


def _condition(question: OutboxQuestion) -> tuple[str, Mapping[str, str]]:
    """The OData condition for a question, and what stands for its names."""
    wanted = {
        PARTITION: None if question.subject is None else table_key(question.subject),
        "channel": question.channel,
        "kind": question.kind,
        "state": question.state,
    }
    values = {name: str(value) for name, value in wanted.items() if value is not None}
    return " and ".join(f"{name} eq @{name}" for name in values), values
