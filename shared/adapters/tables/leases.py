"""Leases: who may change a registry, so that two workers never plan against each other's half-done work.

There is no unlock to rely on: a worker that is killed leaves its lease behind, and only the expiry ends it. The holder
counts by its own clock, the others by theirs, so they wait a little longer than the record says.
"""

from datetime import timedelta
from typing import Final

import msgspec

from shared.adapters.tables.client import Tables, written_at
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records, RecordUnreadable
from shared.application.ports import Changed, Clock, Lease, Leases, Stored

CLOCK_SKEW: Final = timedelta(seconds=5)
"""How far the clocks of two instances may differ; Azure keeps its machines well within a second of each other."""

LONGEST: Final = timedelta(minutes=10)
"""What the settings admit. A lease that can't be read is over when nobody has renewed it for that long."""

_ROW: Final = "lease"


class TableLeases(Leases):
    """Leases in the table `leases`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._clock = clock
        self._table = tables.table("leases")
        self._records = Records(self._table, Lease)

    async def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """The lease, or None while somebody else's has not expired; a holder gets its own again."""
        wanted = Lease(name, holder, self._clock.now() + timedelta(seconds=seconds), "")
        try:
            found = await self._records.get(table_key(name), _ROW)
        except RecordUnreadable:
            return await self._in_place_of_unreadable(wanted)
        try:
            if found is None:
                return _marked(await self._records.insert(table_key(name), _ROW, wanted))
            if found.value.holder != holder and self._clock.now() <= found.value.expires_at + CLOCK_SKEW:
                return None
            return _marked(await self._records.replace(table_key(name), _ROW, wanted, found.etag))
        except Changed:
            return None

    async def _in_place_of_unreadable(self, wanted: Lease) -> Lease | None:
        """The lease, None while a row that somebody changed, or a newer version wrote, may be somebody's yet."""
        found = await self._table.get(table_key(wanted.name), _ROW)
        if found is None or self._clock.now() <= written_at(found[0]) + LONGEST + CLOCK_SKEW:
            return None
        try:
            return _marked(await self._records.replace(table_key(wanted.name), _ROW, wanted, found[1]))
        except Changed:
            return None

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """The lease with a later end; raises `Changed` when it was lost."""
        later = msgspec.structs.replace(lease, expires_at=self._clock.now() + timedelta(seconds=seconds), etag="")
        return _marked(await self._records.replace(table_key(lease.name), _ROW, later, lease.etag))

    async def release(self, lease: Lease) -> None:
        """Give it back; a lease that was lost is left alone."""
        await self._records.delete(table_key(lease.name), _ROW, lease.etag)


def _marked(stored: Stored[Lease]) -> Lease:
    return msgspec.structs.replace(stored.value, etag=stored.etag)
