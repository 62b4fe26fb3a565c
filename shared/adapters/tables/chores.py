"""The last run of each chore."""

from typing import Final

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records, RecordUnreadable
from shared.application.sweep_ports import ChoreRun, ChoreRuns
from shared.telemetry import get_logger

_log = get_logger(__name__)

_ROW: Final = "last"


class TableChoreRuns(ChoreRuns):
    """Runs in the table `chores`."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("chores"), ChoreRun)

    async def last(self, chore: str) -> ChoreRun | None:
        """The last run, None when there was none that can be read: once too often is better than never."""
        try:
            found = await self._records.get(table_key(chore), _ROW)
        except RecordUnreadable as error:
            _log.error("record.unreadable", code=error.code, text=str(error))
            return None
        return None if found is None else found.value

    async def record(self, run: ChoreRun) -> None:
        """Keep a run in the place of the last one."""
        await self._records.put(table_key(run.chore), _ROW, run)
