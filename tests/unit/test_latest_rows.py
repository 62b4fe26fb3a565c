"""Pages of a table that can't sort: ten thousand rows stream past, and one page of them is held."""

import tracemalloc
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import PARTITION, ROW, Entity, Table, Tables
from shared.adapters.tables.latest import Choice, latest
from shared.application.ports import Position

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MANY = 10_000


class LongTable(Table):
    """A table with many rows, in no order, which are made while they are read."""

    def __init__(self) -> None:
        super().__init__(Tables(StorageAccount(connection_string="")), "long")
        self.asked: list[str] = []

    async def query(
        self, condition: str = "", values: Mapping[str, str] | None = None, *, select: tuple[str, ...] = ()
    ) -> AsyncIterator[tuple[Entity, str]]:
        """The rows with the asked columns; the condition is only written down."""
        self.asked.append(condition)
        for number in range(MANY):
            scattered = number * 7919 % MANY
            row: dict[str, Any] = {
                PARTITION: "p",
                ROW: f"{scattered:05}",
                "at": NOON + timedelta(seconds=scattered // 2),
            }
            yield {name: row[name] for name in select}, ""


class TestLatest:
    """`latest`."""

    async def test_holds_one_page(self) -> None:
        """The memory is that of a page, not of the table."""
        table = LongTable()
        tracemalloc.start()
        found = await latest(table, 50, Choice(column="at"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert [row for _, row in found] == [f"{number:05}" for number in range(MANY - 1, MANY - 51, -1)]
        assert peak < 500_000

    async def test_goes_on_behind_a_place(self) -> None:
        """Also in the midst of rows of the same time; the store is asked for nothing that is newer."""
        table = LongTable()
        place = Position(NOON + timedelta(seconds=2500), "p-05001")
        found = await latest(table, 3, Choice(column="at", before=place, conditions=("x eq 'y'",)))

        assert [row for _, row in found] == ["05000", "04999", "04998"]
        assert table.asked == ["x eq 'y' and at le datetime'2026-11-24T12:41:40.000000Z'"]
