"""The latest rows of a table, page by page.

Tables can't sort: the keys and times of all rows that a condition selects stream past, and only as many are held as
are wanted. So ten thousand rows cost ten small answers and the memory of one page.
"""

import heapq
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from shared.adapters.tables.client import PARTITION, ROW, Entity, Table
from shared.application.ports import Position


def whole_key(entity: Entity) -> str:
    """Partition and row."""
    return f"{entity[PARTITION]}-{entity[ROW]}"


def any_row(_: Entity) -> bool:
    """Whatever it is."""
    return True


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are looked for.

    Attributes:
        column: the column with the time that they are sorted by; a row without it is never found.
        conditions: OData, all of which have to hold, an alternative in brackets; `values` fills in their `@names`.
        before: only what comes after this place.
        key: what a row's place is made of beside its time.
        columns: further columns, for `wanted`.
        wanted: what OData can't say.
    """

    column: str
    conditions: tuple[str, ...] = ()
    values: Mapping[str, str] = {}
    before: Position | None = None
    key: Callable[[Entity], str] = whole_key
    columns: tuple[str, ...] = ()
    wanted: Callable[[Entity], bool] = any_row


async def latest(table: Table, limit: int, choice: Choice) -> list[tuple[str, str]]:
    """Partition and row of at most so many rows, the latest first."""
    if limit < 1:
        return []
    before = choice.before
    heap: list[tuple[datetime, str, str, str]] = []
    select = (PARTITION, ROW, choice.column, *choice.columns)
    async for entity, _ in table.query(_condition(choice), choice.values, select=select):
        at = entity.get(choice.column)
        if at is None or not choice.wanted(entity):
            continue
        key = choice.key(entity)
        if before is None or (at, key) < (before.at, before.key):
            (heapq.heappush if len(heap) < limit else heapq.heappushpop)(
                heap, (at, key, entity[PARTITION], entity[ROW])
            )
    return [(partition, row) for _, _, partition, row in sorted(heap, reverse=True)]


def _condition(choice: Choice) -> str:
    asked = [*choice.conditions]
    if choice.before is not None:
        asked.append(f"{choice.column} le datetime'{choice.before.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z'")
    return " and ".join(asked)
