"""Deliveries: what was already processed, because Azure Monitor and Event Grid deliver at least once (documented).

Arrivals are counted by rows: the first makes the delivery's row, each further one a row beside it. A counter would be
changed by every instance at once, and in a storm most of those writes would be conflicts.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from shared.adapters.tables.client import PARTITION, ROW, Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records
from shared.application.delivery_ports import IGNORED, PENDING, Deliveries, Delivery, Totals
from shared.application.ports import Changed
from shared.application.records import until_unchanged

_ROW: Final = "delivery"
_AGAIN: Final = "again-"


class TableDeliveries(Deliveries):
    """Deliveries in the table `deliveries`."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("deliveries")
        self._records = Records(self._table, Delivery, _columns)

    async def arrived(self, key: str, now: datetime) -> Delivery:
        """Count an arrival, and the delivery's record, made if there is none."""
        try:
            return (await self._records.insert(table_key(key), _ROW, Delivery(key, now))).value
        except Changed:
            await self._table.insert({PARTITION: table_key(key), ROW: f"{_AGAIN}{uuid.uuid4().hex}"})
            return await self.begin(key, now)

    async def totals(self) -> Totals:
        """What has arrived and what became of it, as far as it is kept."""
        duplicates, outcomes, ignored, unread = 0, Counter[str](), Counter[str](), Counter[str]()
        async for entity, _ in self._table.query(select=(ROW, "outcome", "reason", "unread")):
            if entity[ROW] != _ROW:
                duplicates += 1
                continue
            outcomes[entity["outcome"]] += 1
            if entity["outcome"] == IGNORED:
                ignored[entity["reason"]] += 1
            unread.update(str(entity.get("unread") or "").split())
        return Totals(duplicates + outcomes.total(), duplicates, dict(outcomes), dict(ignored), dict(unread))

    async def begin(self, key: str, now: datetime) -> Delivery:
        """The delivery's record, made if there is none."""
        try:
            return (await self._records.insert(table_key(key), _ROW, Delivery(key, now))).value
        except Changed:
            found = await self._records.get(table_key(key), _ROW)
            if found is None:  # deleted between the two: whoever did that wants it seen as new
                raise
            return found.value

    async def intend(self, key: str, what: Sequence[str]) -> None:
        """Note what is about to be done; a record that is gone is made again."""
        await self._change(key, lambda delivery: delivery.intending(what))

    async def finish(self, key: str, outcome: str, summary: str, *, unread: tuple[str, ...] = ()) -> bool:
        """Record what came of it, and which log sources had no full say; what is done keeps its first outcome.

        A record that is gone is made again. Whether this call wrote the outcome.
        """
        return await self._change(key, lambda delivery: delivery.concluded(outcome, summary, unread))

    async def _change(self, key: str, edit: Callable[[Delivery], Delivery]) -> bool:
        async def attempt() -> bool:
            found = await self._records.get(table_key(key), _ROW)
            known = Delivery(key, datetime.now(UTC)) if found is None else found.value
            if (edited := edit(known)) == known:
                return False
            await self._records.save(table_key(key), _ROW, found, edited)
            return True

        return await until_unchanged(f"the delivery {key}", attempt)


def _columns(delivery: Delivery) -> dict[str, Any]:
    return {
        "outcome": delivery.outcome or PENDING,
        "reason": delivery.reason,
        "unread": " ".join(delivery.unread),
    }
