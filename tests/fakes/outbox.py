"""The outbox and what is remembered about channels in memory, held to the same contract tests as the tables."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from shared.application.channel_ports import ChannelStates
from shared.application.outbox_ports import Outbox, OutboxMark, OutboxQuestion, OutboxRow, RowState
from shared.application.ports import Changed, Clock, Stored
from shared.domain.circuits import Circuit
from shared.domain.storms import Window
from tests.fakes.records import Records


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
        await self._circuits.save(channel, stored, circuit)

    async def window(self, channel: str) -> Stored[Window] | None:
        """What it was told lately."""
        return await self._windows.get(channel)

    async def save_window(self, channel: str, stored: Stored[Window] | None, window: Window) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""
        await self._windows.save(channel, stored, window)
