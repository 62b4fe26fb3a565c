"""Notices on their way: one row for each channel, and what became of it there."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from shared.application.ports import Stored
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice

_BEGINNING: Final = datetime(1601, 1, 1, tzinfo=UTC)
"""The earliest time that Azure Tables hold (documented)."""


class RowState(StrEnum):
    """Where one notice stands at one channel: `quiet` and `storm` are left out there or come in a summary."""

    WAITING = "waiting"
    SENT = "sent"
    QUIET = "quiet"
    STORM = "storm"
    LOST = "lost"


class OutboxMark(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A row's place in the list of all; the later, the newer."""

    queued_at: datetime
    subject: str
    row: str


class OutboxRow(msgspec.Struct, frozen=True):
    """One notice for one channel.

    Attributes:
        subject: the notice's subject.
        row: `notice id - channel`, its key within the subject.
        sent_at: when the channel took it, None while it has not.
        attempts: how often it was tried.
        error: why it will never be sent, None otherwise.
        queued_at: when it was written; a channel gets the notices about one subject in this order.
        held: why it is not sent by itself: `quiet` or `storm`; None where it is.
        trouble: what the channel said last, None where it said nothing yet.
        trace: the trace (W3C `traceparent`) of the work that wrote it, empty where there was none.
        due_at: when its message comes again, None while its first one is on the way.
    """

    subject: str
    row: str
    channel: str
    notice: Notice
    sent_at: datetime | None = None
    attempts: int = 0
    error: str | None = None
    queued_at: datetime | None = None
    held: str | None = None
    trouble: str | None = None
    trace: str = ""
    due_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether there is something left to do for it."""
        return self.state is RowState.WAITING

    @property
    def state(self) -> RowState:
        """Where it stands."""
        if self.error is not None:
            return RowState.LOST
        if self.held is not None:
            return RowState(self.held)
        return RowState.WAITING if self.sent_at is None else RowState.SENT

    @property
    def mark(self) -> OutboxMark:
        """Its place in the list of all; a row without a time is older than every other."""
        return OutboxMark(self.queued_at or _BEGINNING, self.subject, self.row)


class OutboxQuestion(msgspec.Struct, frozen=True):
    """Which rows are asked for; what is None does not matter."""

    subject: str | None = None
    channel: str | None = None
    kind: NoticeKind | None = None
    state: RowState | None = None


class Outbox(Protocol):
    """Notices that wait for their channel, and what became of them."""

    async def add(self, row: OutboxRow) -> None:
        """Store the row; one that is there already stays as it is."""

    async def get(self, subject: str, row: str) -> Stored[OutboxRow] | None:
        """The row, None when there is none."""

    async def replace(self, stored: Stored[OutboxRow], row: OutboxRow) -> None:
        """Replace a row as it was read; raises `Changed` when it was changed since."""

    def about(self, subject: str) -> AsyncIterator[OutboxRow]:
        """The rows about a subject."""

    def newest(self, question: OutboxQuestion, limit: int, *, behind: OutboxMark | None) -> AsyncIterator[OutboxRow]:
        """The rows that a question selects, at most `limit`, the newest first, from behind a mark on."""

    async def counts(self) -> Mapping[str, Mapping[RowState, int]]:
        """Channel → how many of its rows are in which state."""
