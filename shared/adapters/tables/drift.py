"""Changes by others, one row per resource."""

from typing import Final

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records
from shared.application.event_ports import DriftRecords
from shared.application.ports import Stored
from shared.domain.drift import DriftRecord

_ROW: Final = "drift"


class TableDriftRecords(DriftRecords):
    """Records in the table `drift`."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("drift"), DriftRecord)

    async def get(self, resource: str) -> Stored[DriftRecord] | None:
        """The record, None when there is none."""
        return await self._records.get(table_key(resource), _ROW)

    async def insert(self, record: DriftRecord) -> None:
        """Store a new record; raises `Changed` when it exists."""
        await self._records.insert(table_key(record.resource), _ROW, record)

    async def replace(self, stored: Stored[DriftRecord], record: DriftRecord) -> None:
        """Replace a record as it was read; raises `Changed` when it was changed since."""
        await self._records.replace(table_key(record.resource), _ROW, record, stored.etag)
