"""Deliveries of alerts and events: what arrived, what became of it, and what is too large for a queue."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

DEAD_LETTER = "dead-letter"
"""The outcome of a delivery that was given up."""

IGNORED = "ignored"
"""The outcome of a delivery that was left alone."""

PENDING = "pending"
"""Stands for the outcome of a delivery that is not processed yet."""

MOST_INTENDED: Final = 30
"""How many incidents a delivery's record names; a registry may have a thousand that rely on one credential set."""

type Intends = Callable[[Sequence[str]], Awaitable[None]]
"""Notes what is about to be done for a delivery, `Deliveries.intend` of that one."""


async def unnoted(_: Sequence[str]) -> None:
    """`Intends` for what is done for no delivery."""


class Delivery(msgspec.Struct, frozen=True):
    """One delivery of an event.

    Attributes:
        key: what makes it one: the same delivery sent again has the same key.
        received_at: when it first arrived.
        outcome: None while it is not processed; then `incident`, `credential`, `ignored`, `failed` or `dead-letter`.
        summary: what came of it, in a few words; for `ignored` the reason.
        unread: the log sources that refused or answered in part when it was worked on.
        intended: what its work set out to do, at most `MOST_INTENDED`: ids of incidents, or a word about a credential.
    """

    key: str
    received_at: datetime
    outcome: str | None = None
    summary: str = ""
    unread: tuple[str, ...] = ()
    intended: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the same delivery again has nothing to do; a dead letter may be replayed."""
        return self.outcome not in {None, DEAD_LETTER}

    def concluded(self, outcome: str, summary: str, unread: tuple[str, ...]) -> "Delivery":
        """The delivery with what came of it; one that is done keeps its outcome, whoever else was at work on it."""
        if self.is_done:
            return self
        return msgspec.structs.replace(self, outcome=outcome, summary=summary, unread=unread)

    def intending(self, what: Sequence[str]) -> "Delivery":
        """The delivery with more that its work sets out to do; the same again is no more."""
        intended = tuple(dict.fromkeys((*self.intended, *what)))[:MOST_INTENDED]
        return msgspec.structs.replace(self, intended=intended)

    @property
    def reason(self) -> str:
        """Why it was ignored, without the counts: `resolved`, `no_image, dns`; empty for other outcomes."""
        if self.outcome != IGNORED:
            return ""
        return ", ".join(part.split()[0] for part in self.summary.split(",") if part.strip())[:200] or "unknown"


class Totals(msgspec.Struct, frozen=True):
    """Every arrival, counted by what became of it.

    Attributes:
        received: how many deliveries arrived, the same one again counted again.
        duplicates: how many of them were the same one again.
        outcomes: outcome → how many of the others; `pending` for what is not processed.
        ignored: reason → how many of those with the outcome `ignored`.
        unread: log source → how many deliveries were judged without it, or with a part of it.
    """

    received: int
    duplicates: int
    outcomes: dict[str, int]
    ignored: dict[str, int]
    unread: dict[str, int] = {}

    @property
    def add_up(self) -> bool:
        """Whether every arrival is accounted for, once."""
        return self.received == self.duplicates + sum(self.outcomes.values()) and sum(
            self.ignored.values()
        ) == self.outcomes.get("ignored", 0)


class Deliveries(Protocol):
    """Processed deliveries, so that the same one twice is one."""

    async def arrived(self, key: str, now: datetime) -> Delivery:
        """Count an arrival, and the delivery's record, made if there is none."""

    async def totals(self) -> Totals:
        """What has arrived and what became of it, as far as it is kept."""

    async def begin(self, key: str, now: datetime) -> Delivery:
        """The delivery's record, made if there is none."""

    async def intend(self, key: str, what: Sequence[str]) -> None:
        """Note what is about to be done; who takes it up after a crash finds it done, and could not tell by whom."""

    async def finish(self, key: str, outcome: str, summary: str, *, unread: tuple[str, ...] = ()) -> bool:
        """Record what came of it, and which log sources had no full say; what is done keeps its first outcome.

        Whether this call wrote the outcome, so that of two workers at the same delivery one counts it.
        """


class Payloads(Protocol):
    """Alerts that are larger than a queue message."""

    async def put(self, key: str, body: bytes) -> None:
        """Keep it; the same key again replaces it."""

    async def get(self, key: str) -> bytes | None:
        """The payload, None when it is gone."""

    async def delete(self, key: str) -> None:
        """Forget it."""
