"""Forgetting by age, with the time that the service itself stamps on every write.

A row is deleted only under the ETag that it was listed with: what is changed meanwhile is young again and stays.
"""

from datetime import UTC, datetime
from typing import Final

from shared.adapters.tables.client import PARTITION, ROW, Table, Tables
from shared.application.sweep_ports import Archive, Kept
from shared.domain.incidents import ACTIVE, IncidentState
from shared.errors import PermanentError

PRUNED: Final = {
    Kept.INCIDENTS: "incidents",
    Kept.DELIVERIES: "deliveries",
    Kept.PAYLOADS: "payloads",
    Kept.NOTICES: "outbox",
    Kept.LEASES: "leases",
    Kept.DEAD_LETTERS: "deadletters",
    Kept.DRIFT: "drift",
    Kept.AUDIT: "audit",
    Kept.SESSIONS: "sessions",
    Kept.ROTATIONS: "rotations",
    Kept.HEADROOM: "headroom",
}

BOUNDED: Final = {
    "chores": "a row for each chore, replaced by its next run",
    "channels": "two rows for each channel of the policy, replaced by what happens next",
    "credentials": "a row for each credential of the policy; what was refused is not tried again for its age",
}
"""Tables that need no pruning, and why: however long the app runs, they have no more rows."""

SETTLED: Final = frozenset(IncidentState) - ACTIVE - {IncidentState.AWAITING_APPROVAL}


class TableArchive(Archive):
    """Prunes the tables of the other stores."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def prune(self, what: Kept, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        table = self._tables.table(PRUNED[what])
        condition = f"Timestamp lt datetime'{before.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z'"
        if what is Kept.INCIDENTS:
            condition += " and (" + " or ".join(f"state eq '{state}'" for state in sorted(SETTLED)) + ")"
        newest = await _newest(table) if what is Kept.ROTATIONS else frozenset()
        old: list[tuple[str, str, str]] = []
        async for entity, etag in table.query(condition, select=(PARTITION, ROW)):
            if (entity[PARTITION], entity[ROW]) in newest:
                continue
            old.append((entity[PARTITION], entity[ROW], etag))
            if len(old) == most:
                break
        refusal: PermanentError | None = None
        for partition, row, etag in old:
            try:
                await table.delete(partition, row, etag)
            except PermanentError as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return len(old)


async def _newest(table: Table) -> frozenset[tuple[str, str]]:
    """The first row of each partition, which is the newest rotation of a credential."""
    first: dict[str, str] = {}
    async for entity, _ in table.query(select=(PARTITION, ROW)):
        first.setdefault(entity[PARTITION], entity[ROW])
    return frozenset(first.items())
