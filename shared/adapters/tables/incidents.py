"""Incidents: a partition per registry, so that a worker reads its registry's and nobody else's."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from typing import Any

from shared.adapters.tables.client import PARTITION, ROW, Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records, RecordUnreadable
from shared.application.ports import Incidents, Stored
from shared.domain.incidents import ACTIVE, Incident, registry_key
from shared.telemetry import get_logger

_log = get_logger(__name__)


class TableIncidents(Incidents):
    """Incidents in the table `incidents`, with their state and last change as columns.

    One that can't be read, such as one of a newer version after a step back, is left out of every list and logged: it
    would keep its whole registry from being cured.
    """

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("incidents")
        self._records = Records(self._table, Incident, _columns)

    async def get(self, incident_id: str) -> Stored[Incident] | None:
        """The incident, None when there is none; an id of another shape has none."""
        if "-" not in incident_id:
            return None
        return await self._records.get(*_keys(incident_id))

    async def insert(self, incident: Incident) -> Stored[Incident]:
        """Store a new incident; raises `Changed` when it exists."""
        return await self._records.insert(*_keys(incident.id), incident)

    async def replace(self, stored: Stored[Incident], incident: Incident) -> Stored[Incident]:
        """Replace an incident as it was read; raises `Changed` when it was changed since."""
        return await self._records.replace(*_keys(incident.id), incident, stored.etag)

    async def of_registry(self, registry_id: str, *, active_only: bool) -> AsyncIterator[Stored[Incident]]:
        """The incidents of a registry; `active_only` leaves out what is settled or waits for a person."""
        values = {"partition": table_key(registry_key(registry_id))}
        condition = "PartitionKey eq @partition"
        if active_only:
            # As literals: the SDK fills in an `@name` only where it stands between spaces (observed, 12.7.0).
            condition += " and (" + " or ".join(f"state eq '{state}'" for state in sorted(ACTIVE)) + ")"
        async for stored in self._records.readable(condition, values):
            yield stored

    async def newest(self, limit: int) -> AsyncIterator[Incident]:
        """The incidents of all registries, at most `limit`, latest change first.

        Tables can't sort: the keys and times of all are read, and then the incidents of the latest.
        """
        keys = [
            (entity["updated_at"], entity[PARTITION], entity[ROW])
            async for entity, _ in self._table.query(select=(PARTITION, ROW, "updated_at"))
        ]
        latest = heapq.nlargest(limit, keys)
        for stored in await asyncio.gather(*(self._readable(partition, row) for _, partition, row in latest)):
            if stored is not None:
                yield stored.value

    async def _readable(self, partition: str, row: str) -> Stored[Incident] | None:
        try:
            return await self._records.get(partition, row)
        except RecordUnreadable as error:
            _log.error("record.unreadable", code=error.code, text=str(error))
            return None


def _keys(incident_id: str) -> tuple[str, str]:
    partition, _, row = incident_id.partition("-")
    return table_key(partition), table_key(row)


def _columns(incident: Incident) -> dict[str, Any]:
    return {"state": str(incident.state), "updated_at": incident.updated_at}
