"""Deliveries and large alerts in memory, held to the same contract tests as the tables."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

from shared.application.delivery_ports import IGNORED, PENDING, Deliveries, Delivery, Payloads, Totals
from shared.application.ports import Changed, Clock
from shared.application.records import until_unchanged
from tests.fakes.records import Records


class MemoryDeliveries(Deliveries):
    """Deliveries in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._records = Records(Delivery, clock)
        self._again = 0

    async def arrived(self, key: str, now: datetime) -> Delivery:
        """Count an arrival, and the delivery's record, made if there is none."""
        try:
            return (await self._records.insert(key, Delivery(key, now))).value
        except Changed:
            self._again += 1
            return await self.begin(key, now)

    async def totals(self) -> Totals:
        """What has arrived and what became of it."""
        found = [stored.value async for stored in self._records.all()]
        outcomes = Counter(delivery.outcome or PENDING for delivery in found)
        ignored = Counter(delivery.reason for delivery in found if delivery.outcome == IGNORED)
        unread = Counter(source for delivery in found for source in delivery.unread)
        return Totals(len(found) + self._again, self._again, dict(outcomes), dict(ignored), dict(unread))

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        return await self._records.prune(before, most)

    async def kept(self) -> AsyncIterator[Delivery]:
        """Everything that is kept."""
        async for stored in self._records.all():
            yield stored.value

    async def begin(self, key: str, now: datetime) -> Delivery:
        """The delivery's record, made if there is none."""
        try:
            return (await self._records.insert(key, Delivery(key, now))).value
        except Changed:
            found = await self._records.get(key)
            return found.value if found is not None else await self.begin(key, now)

    async def intend(self, key: str, what: Sequence[str]) -> None:
        """Note what is about to be done."""
        await self._change(key, lambda delivery: delivery.intending(what))

    async def finish(self, key: str, outcome: str, summary: str, *, unread: tuple[str, ...] = ()) -> bool:
        """Record what came of it, and whether it was this; what is done keeps its first outcome."""
        return await self._change(key, lambda delivery: delivery.concluded(outcome, summary, unread))

    async def _change(self, key: str, edit: Callable[[Delivery], Delivery]) -> bool:
        async def attempt() -> bool:
            found = await self._records.get(key)
            known = Delivery(key, datetime.now(UTC)) if found is None else found.value
            if (edited := edit(known)) == known:
                return False
            await self._records.save(key, found, edited)
            return True

        return await until_unchanged(f"the delivery {key}", attempt)


class MemoryPayloads(Payloads):
    """Payloads in memory."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}

    async def put(self, key: str, body: bytes) -> None:
        """Keep it; the same key again replaces it."""
        await asyncio.sleep(0)
        self._bodies[key] = body

    async def get(self, key: str) -> bytes | None:
        """The payload, None when it is gone."""
        await asyncio.sleep(0)
        return self._bodies.get(key)

    async def delete(self, key: str) -> None:
        """Forget it."""
        await asyncio.sleep(0)
        self._bodies.pop(key, None)
