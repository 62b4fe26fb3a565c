"""Sessions of the console, one row each."""

from typing import Final

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records
from shared.application.sessions import Session, Sessions

_ROW: Final = "session"


class TableSessions(Sessions):
    """Sessions in the table `sessions`."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("sessions")
        self._records = Records(self._table, Session)

    async def add(self, session: Session) -> None:
        """Keep a new one."""
        await self._records.insert(table_key(session.digest), _ROW, session)

    async def get(self, digest: str) -> Session | None:
        """One, None when there is none."""
        found = await self._records.get(table_key(digest), _ROW)
        return None if found is None else found.value

    async def remove(self, digest: str) -> None:
        """Forget one; one that is gone is left alone."""
        await self._table.delete(table_key(digest), _ROW)
