"""The audit trail, a partition per day: a day's entries are read in the order of their times."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records
from shared.application.audit_ports import AuditRows
from shared.domain.audit import AuditEntry


class TableAuditRows(AuditRows):
    """Entries in the table `audit`; rows are inserted and never replaced."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("audit"), AuditEntry)

    async def add(self, entry: AuditEntry) -> None:
        """Add an entry; none is ever changed."""
        at = entry.at.astimezone(UTC)
        row = f"{at:%H:%M:%S.%f}-{uuid.uuid4().hex}"
        await self._records.insert(at.date().isoformat(), table_key(row), entry)

    async def of_day(self, day: date) -> AsyncIterator[AuditEntry]:
        """The entries of a day in UTC, in the order of their times; one that can't be read is logged and hides none."""
        async for stored in self._records.readable("PartitionKey eq @partition", {"partition": day.isoformat()}):
            yield stored.value
