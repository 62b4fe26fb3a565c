"""Deliveries: what was already processed, because Azure Monitor and Event Grid deliver at least once (documented)."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records
from shared.application.ports import Changed, Deliveries, Delivery

_ROW: Final = "delivery"


class TableDeliveries(Deliveries):
    """Deliveries in the table `deliveries`."""

    def __init__(self, tables: Tables) -> None:
        self._records = Records(tables.table("deliveries"), Delivery)

    async def begin(self, key: str, now: datetime) -> Delivery:
        """The delivery's record, made if there is none."""
        try:
            return (await self._records.insert(table_key(key), _ROW, Delivery(key, now))).value
        except Changed:
            found = await self._records.get(table_key(key), _ROW)
            if found is None:  # deleted between the two: whoever did that wants it seen as new
                raise
            return found.value

    async def finish(self, key: str, outcome: str, summary: str) -> None:
        """Record what came of it; a record that is gone is made again."""
        found = await self._records.get(table_key(key), _ROW)
        delivery = Delivery(key, datetime.now(UTC)) if found is None else found.value
        done = msgspec.structs.replace(delivery, outcome=outcome, summary=summary)
        await self._records.put(table_key(key), _ROW, done)
