"""Notification: what people are told goes through an outbox, so that no channel can delay or fail a remediation."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from shared.application.channel_ports import Channel, ChannelStates
from shared.application.delivery import ChannelGone, Delivering
from shared.application.messages import NOTIFICATIONS, NotificationMessage
from shared.application.outbox_ports import Outbox, OutboxQuestion, OutboxRow, RowState
from shared.application.ports import Clock, Leases, Queue
from shared.application.storm_watch import STORMS, StormWatch
from shared.domain.channel_notices import channel_failed
from shared.domain.handoff import hand_off
from shared.domain.incidents import Incident
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, notice_of
from shared.domain.policy import Policy
from shared.errors import CachewardenError
from shared.telemetry import get_logger
from shared.telemetry.spans import consumes
from shared.telemetry.tracing import traceparent

_log = get_logger(__name__)

_MOST_STRANDED: Final = 1000
_NEVER_GROUPED: Final = frozenset({NoticeKind.DIGEST_STORM, NoticeKind.CHANNEL_FAILED, NoticeKind.CHANNEL_TEST})


class Notification:
    """Writes notices into the outbox and hands them to their channels."""

    def __init__(  # noqa: PLR0913 - the ports that it uses, each by name
        self,
        *,
        policy: Policy,
        outbox: Outbox,
        queue: Queue,
        channels: Mapping[str, Channel],
        leases: Leases,
        states: ChannelStates,
        clock: Clock,
        lease_s: float = 60,
    ) -> None:
        self._rules = policy.notifications
        self._outbox = outbox
        self._queue = queue
        self._channels = channels
        self._clock = clock
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._storms = StormWatch(storm=self._rules.storm, states=states, outbox=outbox, queue=queue, clock=clock)
        self._delivering = Delivering(
            outbox=outbox,
            leases=leases,
            states=states,
            channels=channels,
            clock=clock,
            give_up_after=self._rules.give_up_after,
            lease_s=lease_s,
        )

    def wants(self, kind: NoticeKind) -> bool:
        """Whether a route names the kind; to be asked where a notice costs something to make."""
        return any(kind in route.notices for route in self._rules.routes)

    async def announce(self, kind: NoticeKind, incident: Incident) -> None:
        """Tell where an incident stands; raises TemporaryError when the storage is in trouble."""
        await self.tell(notice_of(kind, incident, hand_off(incident), self._clock.now()))

    async def tell(self, notice: Notice) -> None:
        """Put the notice in the outbox of each channel that the policy's routes name; the same again is no second one.

        Raises:
            TemporaryError: the storage is in trouble.
        """
        for channel, quiet_for in self._rules.channels_for(notice).items():
            await self._queue_for(channel, notice, quiet_for)

    async def tell_through(self, channels: Iterable[str], notice: Notice) -> None:
        """Put the notice in the outbox of these channels, whatever the routes say."""
        for channel in dict.fromkeys(channels):
            await self._queue_for(channel, notice, None)

    @consumes(NOTIFICATIONS)
    async def deliver(self, message: NotificationMessage) -> None:
        """Send one outbox row; one that was sent, or will never be, is left alone.

        A crash between the channel's answer and the record of it sends the notice again, with the same id. A channel
        in trouble brings the message back later; that is no error.

        Raises:
            TemporaryError: the storage is in trouble; the message has to come again.
        """
        if message.row == STORMS:
            await self.sum_up(message.subject.removeprefix(STORMS))
            return
        stored = await self._outbox.get(message.subject, message.row)
        if stored is None or not stored.value.is_waiting:
            _log.info("notice.nothing_to_send", row=message.row)
            return
        wait = await self._delivering.deliver(stored.value, lost=self._lost)
        if wait is not None:
            await self._queue.send(NOTIFICATIONS, msgspec.json.encode(message), delay_s=math.ceil(wait))

    async def recall_stranded(self) -> None:
        """Call again for notices that wait and whose message is lost; raises TemporaryError as `tell` does."""
        waiting = OutboxQuestion(state=RowState.WAITING)
        rows = [row async for row in self._outbox.newest(waiting, _MOST_STRANDED, behind=None)]
        for row in reversed(rows):
            if await self._delivering.is_stranded(row):
                await self._call_for(row)

    async def sum_up(self, channel: str, *, late: timedelta = timedelta()) -> None:
        """Tell a channel the summary of what it was spared, once it is due and `late` seconds have passed."""
        if channel in self._channels and (found := await self._storms.summary_of(channel, late=late)):
            window, notice = found
            await self._queue_for(channel, notice, None)
            await self._storms.told(channel, window)

    async def _queue_for(self, channel: str, notice: Notice, quiet_for: timedelta | None) -> None:
        if channel not in self._channels:
            return
        row = OutboxRow(
            subject=notice.subject,
            row=f"{notice.id}-{channel}",
            channel=channel,
            notice=notice,
            queued_at=self._moment(),
            trace=traceparent(),
        )
        known = await self._outbox.get(row.subject, row.row)
        if known is None:
            row = msgspec.structs.replace(row, held=await self._held(row, quiet_for))
            await self._outbox.add(row)
        elif not known.value.is_waiting or known.value.due_at is not None:
            return
        if known is None and row.held:
            _log.info("notice.held", kind=notice.kind, channel=channel, why=row.held)
            return
        await self._call_for(row)

    async def _call_for(self, row: OutboxRow) -> None:
        message = NotificationMessage(subject=row.subject, row=row.row)
        await self._queue.send(NOTIFICATIONS, msgspec.json.encode(message))
        _log.info("notice.queued", kind=row.notice.kind, channel=row.channel)

    def _moment(self) -> datetime:
        """The time, later than any before: rows are put in order by it, and a clock may stand still for two calls."""
        self._latest = max(self._clock.now(), self._latest + timedelta(microseconds=1))
        return self._latest

    async def _held(self, row: OutboxRow, quiet_for: timedelta | None) -> str | None:
        """Why a new row is not sent by itself, None where it is."""
        if quiet_for is not None and await self._was_told(row, quiet_for):
            return "quiet"
        configured = self._rules.channels.get(row.channel)
        if configured is None or not configured.for_people or row.notice.kind in _NEVER_GROUPED:
            return None
        return "storm" if await self._storms.holds(row.channel, row.subject, row.row) else None

    async def _was_told(self, row: OutboxRow, quiet_for: timedelta) -> bool:
        """Whether the channel heard the same kind about the same subject within the quiet time."""
        since = self._clock.now() - quiet_for
        async for other in self._outbox.about(row.subject):
            same = other.channel == row.channel and other.notice.kind is row.notice.kind and other.held != "quiet"
            if same and other.row != row.row and other.queued_at is not None and other.queued_at > since:
                return True
        return False

    async def _lost(self, row: OutboxRow, error: CachewardenError) -> None:
        """Tell the other channels that this one fails, once a day and reason."""
        if isinstance(error, ChannelGone):
            return
        notice = channel_failed(row.channel, error, self._clock.now())
        routed = [name for name in self._rules.channels_for(notice) if name != row.channel]
        await self.tell_through(routed or [name for name in self._channels if name != row.channel], notice)
