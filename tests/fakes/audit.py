"""The audit trail in memory."""

from collections.abc import AsyncIterator
from datetime import date

import msgspec

from shared.application.audit_ports import AuditRows
from shared.domain.audit import AuditEntry
from tests.fakes.azure import Troubled


class MemoryAuditRows(Troubled, AuditRows):
    """Entries in memory, as the JSON that the real store would keep."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[bytes] = []

    async def add(self, entry: AuditEntry) -> None:
        """Add an entry."""
        self._called("add")
        self._rows.append(msgspec.json.encode(entry))

    async def of_day(self, day: date) -> AsyncIterator[AuditEntry]:
        """The entries of a day in UTC, in the order of their times."""
        entries = [msgspec.json.decode(row, type=AuditEntry) for row in self._rows]
        for entry in sorted(entries, key=lambda entry: entry.at):
            if entry.at.date() == day:
                yield entry
