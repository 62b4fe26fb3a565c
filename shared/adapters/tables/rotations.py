"""Rotations: a partition per credential, the newest first, so that the latest is the first row that is read."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records
from shared.application.ports import Stored
from shared.application.rotation_ports import Rotations, Samples, Watch
from shared.domain.headroom import Reading
from shared.domain.rotation import Rotation

_LAST: Final = 99_999_999
_WATCH: Final = "watch"


class TableRotations(Rotations):
    """Rotations in the table `rotations`, and the watch over a credential in its partition of `credentials`."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("rotations"), Rotation)
        self._watches = Records(tables.table("credentials"), Watch)

    async def latest(self, credential: str) -> Stored[Rotation] | None:
        """The newest rotation of a credential, None when there was none."""
        async for stored in self._of(credential):
            return stored
        return None

    async def history(self, credential: str) -> AsyncIterator[Rotation]:
        """All rotations of a credential, the newest first."""
        async for stored in self._of(credential):
            yield stored.value

    async def insert(self, rotation: Rotation) -> Stored[Rotation]:
        """Store a new rotation; raises `Changed` when its number is taken."""
        return await self._records.insert(*_keys(rotation), rotation)

    async def replace(self, stored: Stored[Rotation], rotation: Rotation) -> Stored[Rotation]:
        """Replace a rotation as it was read; raises `Changed` when it was changed since."""
        return await self._records.replace(*_keys(rotation), rotation, stored.etag)

    async def watch(self, credential: str) -> Stored[Watch] | None:
        """What is remembered about a credential, None when nothing is."""
        return await self._watches.get(table_key(credential), _WATCH)

    async def save_watch(self, credential: str, stored: Stored[Watch] | None, watch: Watch) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""
        await self._watches.save(table_key(credential), _WATCH, stored, watch)

    async def _of(self, credential: str) -> AsyncIterator[Stored[Rotation]]:
        async for stored in self._records.query("PartitionKey eq @partition", {"partition": table_key(credential)}):
            yield stored


class TableSamples(Samples):
    """Readings of the pull limit in the table `headroom`, a partition per window."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("headroom"), Reading)

    async def add(self, window: str, reading: Reading) -> None:
        """Keep a reading."""
        await self._records.put(table_key(window), _moment(reading.at), reading)

    async def recent(self, window: str, since: datetime) -> tuple[Reading, ...]:
        """The readings of a window since a time, oldest first."""
        condition = "PartitionKey eq @partition and RowKey ge @since"
        values = {"partition": table_key(window), "since": _moment(since)}
        return tuple([stored.value async for stored in self._records.readable(condition, values)])


def _keys(rotation: Rotation) -> tuple[str, str]:
    return table_key(rotation.credential), f"{_LAST - rotation.number:08}"


def _moment(at: datetime) -> str:
    return f"{at.timestamp():020.6f}"
