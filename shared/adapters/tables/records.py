"""Frozen structs as entities: the whole value as JSON, and beside it only the columns that a filter needs.

So a field that is added later needs no migration, and a value that is larger than one property (32 Ki characters,
documented) is cut into several, of which a replacement leaves none behind.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import batched
from typing import Any, Final

import msgspec

from shared.adapters.tables.client import PARTITION, ROW, Entity, Table
from shared.adapters.tables.latest import Choice, latest
from shared.application.ports import Stored
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.errors import PermanentError
from shared.telemetry import get_logger

_log = get_logger(__name__)

_PIECE: Final = 16_000
"""Characters of a property: as many UTF-16 units fit even when each of them takes two."""


_AT_ONCE: Final = 20
"""Records that are fetched together: each may be as large as an entity, 1 MiB (documented)."""


class RecordUnreadable(PermanentError):
    """A stored record is not what this version writes."""

    code = "record_unreadable"
    hint = "It was changed by hand, or written by a newer version; delete the row, or deploy that version."


class Records[T]:
    """Values of one type in a table, under a partition and a row."""

    def __init__(self, table: Table, kind: type[T], columns: Callable[[T], Mapping[str, Any]] = lambda _: {}) -> None:
        self._table = table
        self._kind = kind
        self._columns = columns

    async def get(self, partition: str, row: str) -> Stored[T] | None:
        """The value, None when there is none."""
        found = await self._table.get(partition, row)
        return None if found is None else self._stored(*found)

    async def insert(self, partition: str, row: str, value: T) -> Stored[T]:
        """Store a new value; raises `Changed` when there is one."""
        return Stored(value, await self._table.insert(self._entity(partition, row, value)))

    async def replace(self, partition: str, row: str, value: T, etag: str) -> Stored[T]:
        """Replace the value that still has this ETag; raises `Changed` when it has not."""
        return Stored(value, await self._table.replace(self._entity(partition, row, value), etag))

    async def save(self, partition: str, row: str, stored: Stored[T] | None, value: T) -> None:
        """Replace the value as it was read, or store the first one; raises `Changed` when it was changed since."""
        if stored is None:
            await self.insert(partition, row, value)
        else:
            await self.replace(partition, row, value, stored.etag)

    async def put(self, partition: str, row: str, value: T) -> None:
        """Store the value, whatever was there."""
        await self._table.put(self._entity(partition, row, value))

    async def delete(self, partition: str, row: str, etag: str) -> None:
        """Delete the value that still has this ETag; any other is left alone."""
        await self._table.delete(partition, row, etag)

    async def query(self, condition: str, values: Mapping[str, str]) -> AsyncIterator[Stored[T]]:
        """The values that an OData condition over partition, row and columns selects."""
        async for entity, etag in self._table.query(condition, values):
            yield self._stored(entity, etag)

    async def latest(self, limit: int, choice: Choice) -> AsyncIterator[Stored[T]]:
        """The latest values among those of a choice, at most so many.

        One that is deleted meanwhile is left out, and so is one that can't be read, which is logged.
        """
        found = await latest(self._table, limit, choice)
        for some in batched(found, _AT_ONCE, strict=False):
            for stored in await asyncio.gather(*(self._get_readable(partition, row) for partition, row in some)):
                if stored is not None:
                    yield stored

    async def readable(self, condition: str, values: Mapping[str, str]) -> AsyncIterator[Stored[T]]:
        """What `query` finds without what can't be read, which is logged: one of them hides no other."""
        async for entity, etag in self._table.query(condition, values):
            try:
                stored = self._stored(entity, etag)
            except RecordUnreadable as error:
                _log.error("record.unreadable", code=error.code, text=str(error))
            else:
                yield stored

    async def _get_readable(self, partition: str, row: str) -> Stored[T] | None:
        try:
            return await self.get(partition, row)
        except RecordUnreadable as error:
            _log.error("record.unreadable", code=error.code, text=str(error))
            return None

    def _entity(self, partition: str, row: str, value: T) -> Entity:
        text = msgspec.json.encode(value).decode()
        return {PARTITION: partition, ROW: row, **self._columns(value), **in_pieces("record", text, _PIECE)}

    def _stored(self, entity: Entity, etag: str) -> Stored[T]:
        try:
            return Stored(read_json("".join(pieces(entity, "record")), self._kind), etag)
        except (JsonUnreadable, TypeError) as error:  # the latter of a property that is no text
            raise RecordUnreadable(f"the record {entity[PARTITION]}/{entity[ROW]} can't be read: {error}") from error


def in_pieces[P: (str, bytes)](name: str, value: P, size: int) -> dict[str, P]:
    """The value cut into properties `name0`, `name1`, … of at most `size` characters or bytes."""
    return {f"{name}{at // size}": value[at : at + size] for at in range(0, len(value) or 1, size)}


def pieces(entity: Entity, name: str) -> list[Any]:
    """The pieces of a value, in order."""
    found: list[Any] = []
    while (key := f"{name}{len(found)}") in entity:
        found.append(entity[key])
    return found
