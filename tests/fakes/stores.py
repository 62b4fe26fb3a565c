"""Incidents, leases, sessions and queues in memory, held to the same contract tests as the adapters on storage."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec

from shared.application.incident_ports import Incidents
from shared.application.ports import Changed, Clock, Lease, Leases, Position, Queue, Stored
from shared.application.sessions import Session, Sessions
from shared.domain.incidents import ACTIVE, Incident, IncidentState, registry_key
from tests.fakes.records import Records, page_of

_SETTLED = frozenset(IncidentState) - ACTIVE - {IncidentState.AWAITING_APPROVAL}


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
