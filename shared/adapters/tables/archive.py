"""Forgetting by age, with the time that the service itself stamps on every write.

A row is deleted only under the ETag that it was listed with: what is changed meanwhile is young again and stays.
"""

from datetime import UTC, datetime
from typing import Final

from shared.adapters.tables.client import PARTITION, ROW, Tables
from shared.application.sweep_ports import Archive, Kept
from shared.domain.incidents import ACTIVE, IncidentState

_TABLES: Final = {
    Kept.INCIDENTS: "incidents",
    Kept.DELIVERIES: "deliveries",
    Kept.PAYLOADS: "payloads",
    Kept.NOTICES: "outbox",
    Kept.LEASES: "leases",
    Kept.DEAD_LETTERS: "deadletters",
    Kept.DRIFT: "drift",
    Kept.AUDIT: "audit",
    Kept.SESSIONS: "sessions",
}

SETTLED: Final = frozenset(IncidentState) - ACTIVE - {IncidentState.AWAITING_APPROVAL}


class TableArchive(Archive):
    """Prunes the tables of the other stores."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def prune(self, what: Kept, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        table = self._tables.table(_TABLES[what])
        condition = f"Timestamp lt datetime'{before.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z'"
        if what is Kept.INCIDENTS:
            condition += " and (" + " or ".join(f"state eq '{state}'" for state in sorted(SETTLED)) + ")"
        old: list[tuple[str, str, str]] = []
        async for entity, etag in table.query(condition, select=(PARTITION, ROW)):
            old.append((entity[PARTITION], entity[ROW], etag))
            if len(old) == most:
                break
        for partition, row, etag in old:
            await table.delete(partition, row, etag)
        return len(old)
