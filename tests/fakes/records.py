"""Records in memory: each under a key, with an ETag, kept as the JSON that a real store would keep.

A value that can't be stored fails here as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime

import msgspec

from shared.application.ports import Changed, Clock, Position, Stored


class Records[T]:
    """Records of one type under a key, each with an ETag that every write changes."""

    def __init__(self, kind: type[T], clock: Clock | None = None) -> None:
        self._kind = kind
        self._clock = clock
        self._rows: dict[str, tuple[bytes, str]] = {}
        self._written: dict[str, datetime] = {}
        self._writes = 0

    async def get(self, key: str) -> Stored[T] | None:
        """The value and its ETag, None when there is none."""
        await asyncio.sleep(0)
        found = self._rows.get(key)
        return None if found is None else Stored(msgspec.json.decode(found[0], type=self._kind), found[1])

    async def insert(self, key: str, value: T) -> Stored[T]:
        """Store a new value; raises `Changed` when there is one."""
        await asyncio.sleep(0)
        if key in self._rows:
            raise Changed(f"{key} exists")
        return self._write(key, value)

    async def replace(self, key: str, etag: str, value: T) -> Stored[T]:
        """Replace the value that still has this ETag; raises `Changed` when it has not."""
        await asyncio.sleep(0)
        if key not in self._rows or self._rows[key][1] != etag:
            raise Changed(f"{key} was changed since it was read")
        return self._write(key, value)

    async def save(self, key: str, stored: Stored[T] | None, value: T) -> None:
        """Replace the value as it was read, or store the first one; raises `Changed` when it was changed since."""
        if stored is None:
            await self.insert(key, value)
        else:
            await self.replace(key, stored.etag, value)

    async def put(self, key: str, value: T) -> None:
        """Store the value, whatever was there."""
        await asyncio.sleep(0)
        self._write(key, value)

    async def delete(self, key: str, etag: str | None = None) -> None:
        """Delete the value; with an ETag only when it still has that."""
        await asyncio.sleep(0)
        if key in self._rows and etag in {None, self._rows[key][1]}:
            del self._rows[key]

    async def all(self) -> AsyncIterator[Stored[T]]:
        """Every value."""
        for key in list(self._rows):
            found = await self.get(key)
            if found is not None:
                yield found

    async def prune(self, before: datetime, most: int, may_go: Callable[[T], bool] = lambda _: True) -> int:
        """Forget what was written before a time, as the archive does."""
        old = [stored async for stored in self.keyed() if self._written[stored[0]] < before and may_go(stored[1].value)]
        for key, stored in old[:most]:
            await self.delete(key, stored.etag)
        return len(old[:most])

    async def keyed(self) -> AsyncIterator[tuple[str, Stored[T]]]:
        """Every value with its key."""
        for key in list(self._rows):
            found = await self.get(key)
            if found is not None:
                yield key, found

    def _write(self, key: str, value: T) -> Stored[T]:
        self._writes += 1
        self._rows[key] = (msgspec.json.encode(value), f'W/"{self._writes}"')
        self._written[key] = self._clock.now() if self._clock is not None else datetime.now(UTC)
        return Stored(value, self._rows[key][1])


def page_of[T](
    found: Iterable[T], limit: int, before: Position | None, place: Callable[[T], tuple[datetime, str]]
) -> list[T]:
    """The latest ones behind a place."""
    older = [each for each in found if before is None or place(each) < (before.at, before.key)]
    return sorted(older, key=place, reverse=True)[:limit]
