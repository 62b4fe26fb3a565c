"""The ports: what the use cases need of the outside, each in the use cases' own words.

Here is what many of them need; a subject of its own has a module of its own, `*_ports.py`. Adapters implement them;
tests hand in fakes that keep the same promises. Every method may raise `TemporaryError` (try again later) or
`PermanentError` (somebody has to change something), and nothing else on purpose.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from shared.errors import TemporaryError


class Changed(TemporaryError):
    """Somebody else changed the record since it was read."""

    code = "changed"


class Stored[T](msgspec.Struct, frozen=True):
    """A record as it was read, with the mark that a replacement must still find."""

    value: T
    etag: str


class Position(msgspec.Struct, frozen=True):
    """A place in a list that goes from the latest to the oldest; a page begins behind one.

    Attributes:
        at: the time by which the list is sorted, of the last thing before the place.
        key: what tells things of the same time apart, of the same thing.
    """

    at: datetime
    key: str


class Clock(Protocol):
    """Time, as the use cases see it."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""


class Lease(msgspec.Struct, frozen=True):
    """The right to be the only one who changes something, until `expires_at`."""

    name: str
    holder: str
    expires_at: datetime
    etag: str


class Leases(Protocol):
    """Leases: insert-if-absent, expiring, renewed under an ETag."""

    async def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """The lease, or None while somebody else's has not expired."""

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """The lease with a later end; raises `Changed` when it was lost."""

    async def release(self, lease: Lease) -> None:
        """Give it back; a lease that was lost is left alone."""


class Queue(Protocol):
    """The Storage queues."""

    async def send(self, queue: str, body: bytes, *, delay_s: float = 0) -> None:
        """Put a message on a queue, seen after `delay_s` seconds; the queue is made when it is missing."""
