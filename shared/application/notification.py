"""Notification: what people are told goes through an outbox, so that no channel can delay or fail a remediation."""

from collections.abc import Mapping

import msgspec

from shared.application.messages import NOTIFICATIONS, NotificationMessage
from shared.application.ports import Changed, Channel, Clock, Outbox, OutboxRow, Queue
from shared.domain.handoff import hand_off
from shared.domain.incidents import Incident
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, notice_of
from shared.domain.policy import Policy
from shared.errors import PermanentError
from shared.telemetry import get_logger

_log = get_logger(__name__)


class Notification:
    """Writes notices into the outbox and hands them to their channels."""

    def __init__(
        self, *, policy: Policy, outbox: Outbox, queue: Queue, channels: Mapping[str, Channel], clock: Clock
    ) -> None:
        self._policy = policy
        self._outbox = outbox
        self._queue = queue
        self._channels = channels
        self._clock = clock

    async def announce(self, kind: NoticeKind, incident: Incident) -> None:
        """Tell where an incident stands; raises TemporaryError when the storage is in trouble."""
        await self.tell(notice_of(kind, incident, hand_off(incident), self._clock.now()))

    async def tell(self, notice: Notice) -> None:
        """Put the notice in the outbox of each channel that the policy's routes name; the same again is no second one.

        Raises:
            TemporaryError: the storage is in trouble.
        """
        for channel in self._policy.notifications.channels_for(notice.kind):
            if channel not in self._channels:
                continue
            row = f"{notice.id}-{channel}"
            await self._outbox.add(OutboxRow(subject=notice.subject, row=row, channel=channel, notice=notice))
            message = NotificationMessage(subject=notice.subject, row=row)
            await self._queue.send(NOTIFICATIONS, msgspec.json.encode(message))
            _log.info("notice.queued", kind=notice.kind, channel=channel)

    async def deliver(self, message: NotificationMessage) -> None:
        """Send one outbox row; one that was sent, or will never be, is left alone.

        A crash between the channel's answer and the record of it sends the notice again, with the same id.

        Raises:
            TemporaryError: the channel or the storage is in trouble; the message has to come again.
        """
        stored = await self._outbox.get(message.subject, message.row)
        if stored is None or stored.value.sent_at is not None or stored.value.error is not None:
            _log.info("notice.nothing_to_send", row=message.row)
            return
        row = stored.value
        sent_at, error = None, None
        try:
            await self._channels[row.channel].send(row.notice)
            sent_at = self._clock.now()
        except KeyError:
            error = f"the policy has no channel {row.channel} any more"
        except PermanentError as refusal:
            error = f"{refusal.code}: {refusal}"
        outcome = msgspec.structs.replace(row, sent_at=sent_at, error=error, attempts=row.attempts + 1)
        try:
            await self._outbox.replace(stored, outcome)
        except Changed:
            _log.info("notice.sent_by_another", row=message.row)
        if error is None:
            _log.info("notice.sent", kind=row.notice.kind, channel=row.channel)
        else:
            _log.error("notice.refused", kind=row.notice.kind, channel=row.channel, error=error)
