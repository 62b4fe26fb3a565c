"""Incidents: a partition per registry, so that a worker reads its registry's and nobody else's."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.latest import Choice
from shared.adapters.tables.records import Records
from shared.application.incident_ports import Incidents
from shared.application.ports import Position, Stored
from shared.domain.incidents import ACTIVE, Incident, IncidentState, registry_key


class TableIncidents(Incidents):
    """Incidents in the table `incidents`, with what they are filtered and sorted by as columns.

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
            condition += f" and {_in_one_of(ACTIVE)}"
        async for stored in self._records.readable(condition, values):
            yield stored

    async def newest(
        self,
        limit: int,
        *,
        states: frozenset[IncidentState] = frozenset(),
        naming: str = "",
        before: Position | None = None,
    ) -> AsyncIterator[Incident]:
        """The incidents of all registries, at most `limit`, latest change first."""
        choice = Choice(
            column="updated_at",
            conditions=(_in_one_of(states),) if states else (),
            before=before,
            columns=("source",) if naming else (),
            wanted=lambda entity: naming in entity.get("source", ""),
        )
        async for stored in self._records.latest(limit, choice):
            yield stored.value

    async def counts(self) -> dict[IncidentState, int]:
        """How many incidents are in each state; states that none is in are left out."""
        counted: Counter[str] = Counter()
        async for entity, _ in self._table.query(select=("state",)):
            counted[entity["state"]] += 1
        return {state: counted[state] for state in IncidentState if counted[state]}


def _in_one_of(states: frozenset[IncidentState]) -> str:
    """As literals: the SDK fills in an `@name` only where it stands between spaces (observed, 12.7.0)."""
    return "(" + " or ".join(f"state eq '{state}'" for state in sorted(states)) + ")"


def _keys(incident_id: str) -> tuple[str, str]:
    partition, _, row = incident_id.partition("-")
    return table_key(partition), table_key(row)


def _columns(incident: Incident) -> dict[str, Any]:
    return {"state": str(incident.state), "updated_at": incident.updated_at, "source": incident.source}
