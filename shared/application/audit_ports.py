"""What the audit trail needs of the outside: rows that are only ever added."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Protocol

from shared.domain.audit import AuditEntry


class AuditRows(Protocol):
    """The entries, a part per day."""

    async def add(self, entry: AuditEntry) -> None:
        """Add an entry; none is ever changed."""

    def of_day(self, day: date) -> AsyncIterator[AuditEntry]:
        """The entries of a day in UTC, in the order of their times."""
