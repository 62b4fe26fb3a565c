"""Counts what a channel for people is told, and sums up what would be too much."""

import math
from datetime import timedelta
from typing import Final

import msgspec

from shared.application.channel_ports import ChannelStates
from shared.application.messages import NOTIFICATIONS, NotificationMessage
from shared.application.outbox_ports import Outbox
from shared.application.ports import Clock, Queue
from shared.application.records import until_unchanged
from shared.domain.notices import Notice
from shared.domain.policy_notifications import Storm
from shared.domain.storms import HeldNotice, Window, is_due, summary

STORMS: Final = "storms/"
"""What the subjects of summaries begin with."""

LATE: Final = timedelta(minutes=2)
"""How long a summary may be overdue before the sweep tells it, because its own message was lost."""


class StormWatch:
    """Decides for each notice whether its channel gets it alone or in a summary."""

    def __init__(self, *, storm: Storm, states: ChannelStates, outbox: Outbox, queue: Queue, clock: Clock) -> None:
        self._storm = storm
        self._states = states
        self._outbox = outbox
        self._queue = queue
        self._clock = clock

    async def holds(self, channel: str, subject: str, row: str) -> bool:
        """Count a notice; True when it has to wait for the summary, which is then on its way.

        Raises:
            TemporaryError: the storage is in trouble.
        """
        one = HeldNotice(subject, row)

        async def counted() -> bool:
            stored, now = await self._states.window(channel), self._clock.now()
            before = stored.value if stored else Window(since=now)
            after = before.with_one_more(one, now, self._storm)
            await self._states.save_window(channel, stored, after)
            if after.held and not before.held:
                await self._call_for_summary(channel, after)
            return one in after.held or after.more > before.more

        return await until_unchanged(_told_to(channel), counted)

    async def summary_of(self, channel: str, *, late: timedelta = timedelta()) -> tuple[Window, Notice] | None:
        """The summary that is due, None when none is; `told` has to follow once it is in the outbox."""
        stored = await self._states.window(channel)
        if stored is None or not is_due(stored.value, self._clock.now(), self._storm, late):
            return None
        rows = [await self._outbox.get(held.subject, held.row) for held in stored.value.held]
        notices = [row.value.notice for row in rows if row is not None]
        return stored.value, summary(channel, stored.value, notices, self._clock.now())

    async def told(self, channel: str, summed_up: Window) -> None:
        """Begin a new window; what came meanwhile waits for the next summary."""

        async def begun() -> None:
            stored = await self._states.window(channel)
            if stored is None:
                return
            after = stored.value.after_summary(summed_up, self._clock.now())
            await self._states.save_window(channel, stored, after)
            if after.held:
                await self._call_for_summary(channel, after)

        await until_unchanged(_told_to(channel), begun)

    async def _call_for_summary(self, channel: str, window: Window) -> None:
        message = NotificationMessage(subject=f"{STORMS}{channel}", row=STORMS)
        delay = math.ceil((window.ends(self._storm) - self._clock.now()).total_seconds())
        await self._queue.send(NOTIFICATIONS, msgspec.json.encode(message), delay_s=max(delay, 1))


def _told_to(channel: str) -> str:
    return f"what the channel {channel} is told"
