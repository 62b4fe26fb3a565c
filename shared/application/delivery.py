"""Delivery: outbox rows to their channels, in order per subject, patiently, and never more often than a channel bears.

Nothing here waits: a row whose channel can't take it now goes back on the queue for later, so that a broken channel
holds up neither another channel nor a worker.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from shared.application.channel_ports import Channel, ChannelStates
from shared.application.leases import held
from shared.application.outbox_ports import Outbox, OutboxRow
from shared.application.ports import Changed, Clock, Leases, Stored
from shared.domain.circuits import Circuit
from shared.errors import CachewardenError, PermanentError, TemporaryError
from shared.telemetry import get_logger
from shared.telemetry.names import Work
from shared.telemetry.spans import traced
from shared.telemetry.tracing import link

_log = get_logger(__name__)

_BUSY_S: Final = 3.0
_WAITS_S: Final = (2.0, 10.0, 60.0, 300.0)
_LONGEST_WAIT_S: Final = 900.0
_LATE: Final = timedelta(minutes=5)
"""How long a row's message may be overdue before it counts as lost."""

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)

type Lost = Callable[[OutboxRow, CachewardenError], Awaitable[None]]


class GivenUp(PermanentError):
    """A channel was in trouble for so long that a notice is given up there."""

    code = "channel_given_up"
    hint = "Look at the channel; `give_up_after` in the policy says how long one is tried."


class ChannelGone(PermanentError):
    """The policy has no longer the channel that a notice was meant for."""

    code = "channel_gone"
    hint = "Nothing to do, if the channel was taken out on purpose."


class Delivering:
    """Sends what waits in the outbox."""

    def __init__(  # noqa: PLR0913 - the ports that it uses, each by name
        self,
        *,
        outbox: Outbox,
        leases: Leases,
        states: ChannelStates,
        channels: Mapping[str, Channel],
        clock: Clock,
        give_up_after: timedelta,
        lease_s: float,
    ) -> None:
        self._outbox = outbox
        self._leases = leases
        self._states = states
        self._channels = channels
        self._clock = clock
        self._give_up_after = give_up_after
        self._lease_s = lease_s

    async def deliver(self, row: OutboxRow, *, lost: Lost) -> float | None:
        """Send the row, and before it what its channel has not yet got about the same subject.

        Args:
            row: a row that waits.
            lost: told of each row that its channel will never take, before that is recorded.

        Returns:
            The seconds after which to come again; None when there is nothing left to do.

        Raises:
            TemporaryError: the storage is in trouble.
        """
        async with self._alone(row) as check:
            if check is None:
                return _BUSY_S
            for earlier in await self._up_to(row):
                stored = await self._outbox.get(earlier.subject, earlier.row)
                if stored is None or not stored.value.is_waiting:
                    continue
                check()
                if (wait := await self._attempt(stored, lost)) is not None:
                    await self._expect(row, timedelta(seconds=wait))
                    return wait
        return None

    async def is_stranded(self, row: OutboxRow) -> bool:
        """Whether a waiting row's message should have come long ago; True once, the message counts as on its way then.

        Raises:
            TemporaryError: the storage is in trouble.
        """
        if not self._is_overdue(row):
            return False
        async with self._alone(row) as check:
            return check is not None and await self._expect(row, timedelta())

    def _alone(self, row: OutboxRow) -> AbstractAsyncContextManager[Callable[[], None] | None]:
        return held(self._leases, f"notify {row.channel} {row.subject}", self._lease_s)

    def _is_overdue(self, row: OutboxRow) -> bool:
        expected = row.due_at or row.queued_at
        return row.is_waiting and (expected is None or self._clock.now() > expected + _LATE)

    async def _expect(self, row: OutboxRow, wait: timedelta) -> bool:
        """Write down when the row's message comes; False when there is nothing left to wait for."""
        stored = await self._outbox.get(row.subject, row.row)
        if stored is None or not stored.value.is_waiting:
            return False
        await self._outbox.replace(stored, msgspec.structs.replace(stored.value, due_at=self._clock.now() + wait))
        return True

    async def _up_to(self, row: OutboxRow) -> list[OutboxRow]:
        """The waiting rows of a channel about one subject up to this one, oldest first."""
        rows = [other async for other in self._outbox.about(row.subject) if other.channel == row.channel]
        waiting = sorted((other for other in rows if other.is_waiting), key=_order)
        return [other for other in waiting if _order(other) <= _order(row)]

    @traced(Work.DELIVERY)
    async def _attempt(self, stored: Stored[OutboxRow], lost: Lost) -> float | None:
        row = stored.value
        link([row.trace])
        circuit = await self._states.circuit(row.channel)
        if (rest := await self._rest(row.channel, circuit)) > 0:
            if not self._is_too_old(row):
                return rest
            await self._give_up(stored, lost, circuit.value.error if circuit else None)
            return None
        try:
            if row.channel not in self._channels:
                raise ChannelGone(f"the policy has no channel {row.channel}")
            await self._channels[row.channel].send(row.notice)
        except TemporaryError as error:
            return await self._put_off(stored, error, lost)
        except PermanentError as error:
            await self._works(row.channel, circuit)
            await self._lose(stored, error, lost)
            return None
        await self._record(stored, sent_at=self._clock.now(), trouble=None)
        _log.info("notice.sent", kind=row.notice.kind, channel=row.channel)
        await self._works(row.channel, circuit)
        return None

    async def _rest(self, channel: str, stored: Stored[Circuit] | None) -> float:
        """Seconds to leave the channel alone; 0 when this worker may call it, alone where it is a try."""
        if stored is None:
            return 0.0
        rest = stored.value.rest(self._clock.now())
        if rest > 0 or not stored.value.is_tried:
            return rest
        try:
            await self._states.save_circuit(channel, stored, stored.value.claimed(self._clock.now()))
        except Changed:
            return _BUSY_S
        return 0.0

    async def _works(self, channel: str, before: Stored[Circuit] | None) -> None:
        """The channel answers; somebody else's word on it, which is as fresh, is left alone."""
        if before is None or before.value == Circuit():
            return
        stored = await self._states.circuit(channel)
        if stored is None:
            return
        try:
            await self._states.save_circuit(channel, stored, Circuit())
        except Changed:
            return

    async def _put_off(self, stored: Stored[OutboxRow], error: TemporaryError, lost: Lost) -> float | None:
        row, now = stored.value, self._clock.now()
        before = await self._states.circuit(row.channel)
        circuit = (before.value if before else Circuit()).failed(now, f"{error.code}: {error}", error.retry_after)
        try:
            await self._states.save_circuit(row.channel, before, circuit)
        except Changed:
            _log.info("channel.state_changed", channel=row.channel)
        _log.warning("notice.put_off", kind=row.notice.kind, channel=row.channel, code=error.code)
        if self._is_too_old(row):
            await self._give_up(stored, lost, str(error))
            return None
        await self._record(stored, trouble=f"{error.code}: {error}")
        wait = _WAITS_S[row.attempts] if row.attempts < len(_WAITS_S) else _LONGEST_WAIT_S
        return max(circuit.rest(now), wait if error.retry_after is None else error.retry_after)

    def _is_too_old(self, row: OutboxRow) -> bool:
        return row.queued_at is not None and self._clock.now() - row.queued_at > self._give_up_after

    async def _give_up(self, stored: Stored[OutboxRow], lost: Lost, last: str | None) -> None:
        await self._lose(stored, GivenUp(f"in trouble for too long; it last said: {last}"), lost)

    async def _lose(self, stored: Stored[OutboxRow], error: CachewardenError, lost: Lost) -> None:
        row, text = stored.value, f"{error.code}: {error}"
        _log.error("notice.refused", kind=row.notice.kind, channel=row.channel, error=text)
        await lost(row, error)
        await self._record(stored, error=text)

    async def _record(
        self,
        stored: Stored[OutboxRow],
        *,
        sent_at: datetime | None = None,
        error: str | None = None,
        trouble: str | None = None,
    ) -> None:
        row = stored.value
        outcome = msgspec.structs.replace(row, sent_at=sent_at, error=error, trouble=trouble, attempts=row.attempts + 1)
        try:
            await self._outbox.replace(stored, outcome)
        except Changed:
            _log.info("notice.sent_by_another", row=row.row)


def _order(row: OutboxRow) -> tuple[datetime, str]:
    return row.queued_at or _BEGINNING, row.row
