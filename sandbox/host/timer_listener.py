"""Fires one timer function by its schedule, with the status that lets a missed occurrence be caught up once.

An occurrence that passed while no host ran is "past due": it fires once at the start, however many were missed. A
schedule that was edited meanwhile is not past due. Errors of the function never stop the schedule, and a timer never
overlaps itself.
Source: azure-webjobs-sdk-extensions, TimerListener.cs and ScheduleMonitor.cs.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from sandbox.frame.service import Clock
from sandbox.host.calls import Call, InvocationFailed
from sandbox.host.functions import Function
from sandbox.host.invoker import Invoker
from sandbox.host.messages import TypedData
from sandbox.host.schedules import Schedule
from sandbox.host.timer_state import NEVER, TimerState, TimerStatus

_logger = logging.getLogger("Host.Triggers.Timers")
_LONGEST_SLEEP = 60.0
"""Seconds; the wall clock may be set, and a laptop may sleep, while the loop's own clock goes on."""
_LOCK_POLL = 0.5


class TimerListener:
    """One timer, on the one host that holds its lock.

    Attributes:
        status: when the timer fired last and fires next; None until this host runs the timer.
    """

    def __init__(
        self, function: Function, schedule: Schedule, state: TimerState, invoker: Invoker, clock: Clock
    ) -> None:
        self.status: TimerStatus | None = None
        self._function = function
        self._schedule = schedule
        self._state = state
        self._invoker = invoker
        self._clock = clock
        self._monitored = function.trigger.use_monitor and schedule.is_monitored
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to wait for the lock, and then for the schedule."""
        self._stopping.clear()
        self._running = asyncio.create_task(self._run(), name=f"timer of {self._function.name}")

    async def stop(self) -> None:
        """Stop; an invocation under way is waited for."""
        self._stopping.set()
        if self._running is not None:
            await self._running
            self._running = None

    def call(self, *, is_past_due: bool = False, reason: str | None = None) -> Call:
        """The call of the function as the timer makes it now."""
        status = None
        if self._monitored and self.status is not None:
            last = "0001-01-01T00:00:00" if self.status.last == NEVER else self.status.last
            status = {"Last": last, "Next": self.status.next, "LastUpdated": self.status.last_updated}
        info = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": is_past_due}
        return Call(
            function=self._function,
            data=TypedData(json=msgspec.json.encode(info).decode()),
            reason=reason or f"Timer fired at {datetime.now(UTC).isoformat()}",
        )

    async def _run(self) -> None:
        try:
            while not self._state.acquire():
                if await self._stopped_within(_LOCK_POLL):
                    return
            await self._keep_schedule()
        except Exception:
            _logger.exception("The listener of timer '%s' stopped.", self._function.name)
        finally:
            self._state.release()

    async def _keep_schedule(self) -> None:
        now = self._clock()
        self.status = self._recorded(now) if self._monitored else self._first(now)
        is_past_due = now > self.status.next
        if is_past_due or self._function.trigger.run_on_startup:
            await self._fire(now, now, is_past_due=is_past_due)
        name, text = self._function.name, self._schedule.text
        _logger.info("The next occurrence of the '%s' schedule (%s) is %s", name, text, self.status.next.isoformat())
        while not self._stopping.is_set():
            left = (self.status.next - self._clock()).total_seconds()
            if left > 0:
                if await self._stopped_within(min(left, _LONGEST_SLEEP)):
                    return
                continue
            now = self._clock()
            await self._fire(now, max(now, self.status.next))

    async def _fire(self, now: datetime, counted_from: datetime, *, is_past_due: bool = False) -> None:
        """Run the function, then note when it ran; only a finished run moves the schedule on, so a crash repeats it."""
        with suppress(InvocationFailed):  # the invoker has logged it
            await self._invoker.call(self.call(is_past_due=is_past_due, reason=f"Timer fired at {now.isoformat()}"))
        self.status = TimerStatus(counted_from, self._schedule.next_after(counted_from), counted_from)
        self._record()

    def _recorded(self, now: datetime) -> TimerStatus:
        """The status as it was left, unless the schedule has been edited since."""
        status = self._state.read()
        if status is not None:
            since = status.last_updated if status.last == NEVER else status.last
            expected = self._schedule.next_after(since)
            if expected == status.next:
                return status
            status = TimerStatus(NEVER, expected if expected >= now else self._schedule.next_after(now), since)
        self.status = status or self._first(now)
        self._record()
        return self.status

    def _first(self, now: datetime) -> TimerStatus:
        return TimerStatus(NEVER, self._schedule.next_after(now), now)

    def _record(self) -> None:
        if self._monitored and self.status is not None:
            self._state.write(self.status)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._stopping.wait()
        except TimeoutError:
            return False
