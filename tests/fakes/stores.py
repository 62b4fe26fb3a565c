"""The stores and the queue in memory, held to the same contract tests as the adapters on Azure storage.

A record is kept as the JSON that the real store would keep, so that a value that can't be stored fails here as well.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from shared.application.channel_ports import ChannelStates
from shared.application.delivery_ports import IGNORED, PENDING, Deliveries, Delivery, Payloads, Totals
from shared.application.incident_ports import Incidents
from shared.application.outbox_ports import Outbox, OutboxMark, OutboxQuestion, OutboxRow, RowState
from shared.application.ports import Changed, Clock, Lease, Leases, Position, Queue, Stored
from shared.application.sessions import Session, Sessions
from shared.domain.circuits import Circuit
from shared.domain.incidents import ACTIVE, Incident, IncidentState, registry_key
from shared.domain.storms import Window


class Records[T]:
    """Records of one type under a key, each with an ETag that every write changes."""

    def __init__(self, kind: type[T], clock: Clock | None = None) -> None:
        self._kind = kind
        self._clock = clock
        self._rows: dict[str, tuple[bytes, str]] = {}
        self._written: dict[str, datetime] = {}
        self._writes = 0

    async def get(self, key: str) -> Stored[T] | None:
        """The value and its ETag, None when there is none."""
        await asyncio.sleep(0)
        found = self._rows.get(key)
        return None if found is None else Stored(msgspec.json.decode(found[0], type=self._kind), found[1])

    async def insert(self, key: str, value: T) -> Stored[T]:
        """Store a new value; raises `Changed` when there is one."""
        await asyncio.sleep(0)
        if key in self._rows:
            raise Changed(f"{key} exists")
        return self._write(key, value)

    async def replace(self, key: str, etag: str, value: T) -> Stored[T]:
        """Replace the value that still has this ETag; raises `Changed` when it has not."""
        await asyncio.sleep(0)
        if key not in self._rows or self._rows[key][1] != etag:
            raise Changed(f"{key} was changed since it was read")
        return self._write(key, value)

    async def put(self, key: str, value: T) -> None:
        """Store the value, whatever was there."""
        await asyncio.sleep(0)
        self._write(key, value)

    async def delete(self, key: str, etag: str | None = None) -> None:
        """Delete the value; with an ETag only when it still has that."""
        await asyncio.sleep(0)
        if key in self._rows and etag in {None, self._rows[key][1]}:
            del self._rows[key]

    async def all(self) -> AsyncIterator[Stored[T]]:
        """Every value."""
        for key in list(self._rows):
            found = await self.get(key)
            if found is not None:
                yield found

    async def prune(self, before: datetime, most: int, may_go: Callable[[T], bool] = lambda _: True) -> int:
        """Forget what was written before a time, as the archive does."""
        old = [stored async for stored in self.keyed() if self._written[stored[0]] < before and may_go(stored[1].value)]
        for key, stored in old[:most]:
            await self.delete(key, stored.etag)
        return len(old[:most])

    async def keyed(self) -> AsyncIterator[tuple[str, Stored[T]]]:
        """Every value with its key."""
        for key in list(self._rows):
            found = await self.get(key)
            if found is not None:
                yield key, found

    def _write(self, key: str, value: T) -> Stored[T]:
        self._writes += 1
        self._rows[key] = (msgspec.json.encode(value), f'W/"{self._writes}"')
        self._written[key] = self._clock.now() if self._clock is not None else datetime.now(UTC)
        return Stored(value, self._rows[key][1])


_SETTLED = frozenset(IncidentState) - ACTIVE - {IncidentState.AWAITING_APPROVAL}


def page_of[T](
    found: Iterable[T], limit: int, before: Position | None, place: Callable[[T], tuple[datetime, str]]
) -> list[T]:
    """The latest ones behind a place."""
    older = [each for each in found if before is None or place(each) < (before.at, before.key)]
    return sorted(older, key=place, reverse=True)[:limit]


class MemoryIncidents(Incidents):
    """Incidents in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._records = Records(Incident, clock)

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        return await self._records.prune(before, most, lambda incident: incident.state in _SETTLED)

    async def get(self, incident_id: str) -> Stored[Incident] | None:
        """The incident, None when there is none."""
        return await self._records.get(incident_id)

    async def insert(self, incident: Incident) -> Stored[Incident]:
        """Store a new incident; raises `Changed` when it exists."""
        return await self._records.insert(incident.id, incident)

    async def replace(self, stored: Stored[Incident], incident: Incident) -> Stored[Incident]:
        """Replace an incident as it was read; raises `Changed` when it was changed since."""
        return await self._records.replace(incident.id, stored.etag, incident)

    async def of_registry(self, registry_id: str, *, active_only: bool) -> AsyncIterator[Stored[Incident]]:
        """The incidents of a registry."""
        async for stored in self._records.all():
            if not stored.value.id.startswith(registry_key(registry_id) + "-"):
                continue
            if not active_only or stored.value.state in ACTIVE:
                yield stored

    async def newest(
        self,
        limit: int,
        *,
        states: frozenset[IncidentState] = frozenset(),
        naming: str = "",
        before: Position | None = None,
    ) -> AsyncIterator[Incident]:
        """The incidents of all registries, latest change first."""
        found = [
            stored.value
            async for stored in self._records.all()
            if (not states or stored.value.state in states) and naming in stored.value.source
        ]
        for incident in page_of(found, limit, before, lambda incident: (incident.updated_at, incident.id)):
            yield incident

    async def counts(self) -> dict[IncidentState, int]:
        """How many incidents are in each state."""
        return dict(Counter([stored.value.state async for stored in self._records.all()]))


class MemoryLeases(Leases):
    """Leases in memory, ended by the clock that they are given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records = Records(Lease, clock)

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        return await self._records.prune(before, most)

    async def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """The lease, or None while somebody else's has not expired."""
        found = await self._records.get(name)
        wanted = Lease(name, holder, self._clock.now() + timedelta(seconds=seconds), "")
        try:
            if found is None:
                return _marked(await self._records.insert(name, wanted))
            if found.value.holder != holder and self._clock.now() < found.value.expires_at:
                return None
            return _marked(await self._records.replace(name, found.etag, wanted))
        except Changed:
            return None

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """The lease with a later end; raises `Changed` when it was lost."""
        later = msgspec.structs.replace(lease, expires_at=self._clock.now() + timedelta(seconds=seconds))
        return _marked(await self._records.replace(lease.name, lease.etag, later))

    async def release(self, lease: Lease) -> None:
        """Give it back; a lease that was lost is left alone."""
        await self._records.delete(lease.name, lease.etag)


def _marked(stored: Stored[Lease]) -> Lease:
    return msgspec.structs.replace(stored.value, etag=stored.etag)


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

    async def finish(self, key: str, outcome: str, summary: str, *, unread: tuple[str, ...] = ()) -> None:
        """Record what came of it."""
        found = await self._records.get(key)
        received_at = datetime.now(UTC) if found is None else found.value.received_at
        await self._records.put(key, Delivery(key, received_at, outcome, summary, unread))


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


class MemoryOutbox(Outbox):
    """The outbox in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._records = Records(OutboxRow, clock)

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        return await self._records.prune(before, most)

    async def kept(self) -> AsyncIterator[OutboxRow]:
        """Everything that is kept."""
        async for stored in self._records.all():
            yield stored.value

    async def add(self, row: OutboxRow) -> None:
        """Store the row; one that is there already stays as it is."""
        try:
            await self._records.insert(_key(row.subject, row.row), row)
        except Changed:
            return

    async def get(self, subject: str, row: str) -> Stored[OutboxRow] | None:
        """The row, None when there is none."""
        return await self._records.get(_key(subject, row))

    async def replace(self, stored: Stored[OutboxRow], row: OutboxRow) -> None:
        """Replace a row as it was read; raises `Changed` when it was changed since."""
        await self._records.replace(_key(row.subject, row.row), stored.etag, row)

    async def about(self, subject: str) -> AsyncIterator[OutboxRow]:
        """The rows about a subject."""
        async for stored in self._records.all():
            if stored.value.subject == subject:
                yield stored.value

    async def newest(
        self, question: OutboxQuestion, limit: int, *, behind: OutboxMark | None
    ) -> AsyncIterator[OutboxRow]:
        """The rows that a question selects, the newest first."""
        rows = [stored.value async for stored in self._records.all()]
        chosen = [row for row in rows if _is_asked_for(row, question) and (behind is None or row.mark < behind)]
        for row in sorted(chosen, key=lambda row: row.mark, reverse=True)[:limit]:
            yield row

    async def counts(self) -> Mapping[str, Mapping[RowState, int]]:
        """Channel → how many of its rows are in which state."""
        counted: dict[str, Counter[RowState]] = defaultdict(Counter)
        async for stored in self._records.all():
            counted[stored.value.channel][stored.value.state] += 1
        return counted


def _is_asked_for(row: OutboxRow, question: OutboxQuestion) -> bool:
    return (
        question.subject in {None, row.subject}
        and question.channel in {None, row.channel}
        and question.kind in {None, row.notice.kind}
        and question.state in {None, row.state}
    )


def _key(subject: str, row: str) -> str:
    return f"{subject}/{row}"


class MemoryChannelStates(ChannelStates):
    """What is remembered about channels, in memory."""

    def __init__(self) -> None:
        self._circuits = Records(Circuit)
        self._windows = Records(Window)

    async def circuit(self, channel: str) -> Stored[Circuit] | None:
        """How the channel has been."""
        return await self._circuits.get(channel)

    async def save_circuit(self, channel: str, stored: Stored[Circuit] | None, circuit: Circuit) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""
        await _save(self._circuits, channel, stored, circuit)

    async def window(self, channel: str) -> Stored[Window] | None:
        """What it was told lately."""
        return await self._windows.get(channel)

    async def save_window(self, channel: str, stored: Stored[Window] | None, window: Window) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""
        await _save(self._windows, channel, stored, window)


async def _save[T](records: Records[T], key: str, stored: Stored[T] | None, value: T) -> None:
    if stored is None:
        await records.insert(key, value)
    else:
        await records.replace(key, stored.etag, value)


class MemorySessions(Sessions):
    """Sessions in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Session] = {}

    async def add(self, session: Session) -> None:
        """Keep a new one."""
        await asyncio.sleep(0)
        self.kept[session.digest] = session

    async def get(self, digest: str) -> Session | None:
        """One, None when there is none."""
        await asyncio.sleep(0)
        return self.kept.get(digest)

    async def remove(self, digest: str) -> None:
        """Forget one."""
        await asyncio.sleep(0)
        self.kept.pop(digest, None)


class QueuedMessage(msgspec.Struct, frozen=True):
    """A message as it was sent: to which queue, what, and seconds until it is seen."""

    queue: str
    body: bytes
    delay_s: float


class MemoryQueue(Queue):
    """The queues in memory.

    Attributes:
        sent: every message, in the order in which it was sent.
    """

    def __init__(self) -> None:
        self.sent: list[QueuedMessage] = []

    async def send(self, queue: str, body: bytes, *, delay_s: float = 0) -> None:
        """Put a message on a queue."""
        await asyncio.sleep(0)
        self.sent.append(QueuedMessage(queue, body, delay_s))

    def take(self, queue: str) -> list[bytes]:
        """The bodies of a queue's messages, which are then gone."""
        taken = [message.body for message in self.sent if message.queue == queue]
        self.sent = [message for message in self.sent if message.queue != queue]
        return taken
