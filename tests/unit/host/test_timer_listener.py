"""A timer's status over a restart, with a worker that only notes its calls."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sandbox.host.calls import Call, InvocationFailed, RetryContext
from sandbox.host.connections import QueueClients
from sandbox.host.functions import Binding, Function
from sandbox.host.invoker import Invoker
from sandbox.host.messages import InvocationResponse, RpcException, StatusResult
from sandbox.host.outputs import Outputs, Wakeups
from sandbox.host.queue_messages import MessageCodec
from sandbox.host.schedules import parse_schedule
from sandbox.host.settings import AppSettings
from sandbox.host.timer_listener import TimerListener
from sandbox.host.timer_state import NEVER, TimerState, TimerStatus

NOW = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
HOURLY = "0 0 * * * *"


class NotingWorker:
    """Notes what each invocation got, and fails if told to."""

    def __init__(self, *, fails: bool = False) -> None:
        """Start with no notes."""
        self.calls: list[dict[str, Any]] = []
        self.was_called = asyncio.Event()
        self._fails = fails

    async def invoke(self, call: Call, invocation_id: str, retry: RetryContext) -> InvocationResponse:
        """Note the timer's information."""
        assert retry.retry_count == 0
        self.calls.append(msgspec.json.decode(call.data.json or ""))
        self.was_called.set()
        if self._fails:
            raise InvocationFailed(RpcException("bad"))
        return InvocationResponse(invocation_id, StatusResult(StatusResult.Success))


class Timer:
    """A timer listener at a time that stands still."""

    def __init__(self, folder: Path, schedule: str = HOURLY, *, fails: bool = False, **trigger: Any) -> None:
        """Prepare the listener; its state is in the folder."""
        self.worker = NotingWorker(fails=fails)
        self.state = TimerState(folder, "tick")
        settings = AppSettings({})
        outputs = Outputs(QueueClients(settings), settings, MessageCodec(base64=True), Wakeups())
        binding = Binding(type="timerTrigger", name="t", direction="IN", schedule=schedule, **trigger)
        function = Function(name="tick", id="1", trigger=binding)
        invoker = Invoker(self.worker, outputs, None)
        self.listener = TimerListener(function, parse_schedule(schedule), self.state, invoker, lambda: NOW)

    async def run_until_scheduled(self) -> TimerStatus:
        """Start, wait until the listener waits for its schedule, stop, and return its status."""
        self.listener.start()
        async with asyncio.timeout(5):
            while self.listener.status is None or self.listener.status.next <= NOW:
                await asyncio.sleep(0)
        await self.listener.stop()
        return self.listener.status


def status(last: datetime, following: datetime, updated: datetime | None = None) -> TimerStatus:
    """A recorded status."""
    return TimerStatus(last, following, updated or last)


class TestStatus:
    """What a start makes of the recorded status."""

    async def test_first_start(self, tmp_path: Path) -> None:
        """A new timer records its next occurrence and does not fire."""
        timer = Timer(tmp_path)
        found = await timer.run_until_scheduled()

        assert found == status(NEVER, datetime(2026, 11, 24, 4, tzinfo=UTC), NOW)
        assert timer.state.read() == found
        assert timer.worker.calls == []

    async def test_nothing_missed(self, tmp_path: Path) -> None:
        """A timer whose next occurrence lies ahead keeps its status and does not fire."""
        timer = Timer(tmp_path)
        kept = status(datetime(2026, 11, 24, 3, tzinfo=UTC), datetime(2026, 11, 24, 4, tzinfo=UTC))
        timer.state.write(kept)

        assert await timer.run_until_scheduled() == kept
        assert timer.worker.calls == []

    async def test_past_due(self, tmp_path: Path) -> None:
        """A timer that missed three occurrences fires once, past due, and goes on from now."""
        timer = Timer(tmp_path)
        timer.state.write(status(datetime(2026, 11, 24, 0, tzinfo=UTC), datetime(2026, 11, 24, 1, tzinfo=UTC)))
        found = await timer.run_until_scheduled()

        (call,) = timer.worker.calls
        assert call["IsPastDue"] is True
        assert call["ScheduleStatus"] == {
            "Last": "2026-11-24T00:00:00Z",
            "Next": "2026-11-24T01:00:00Z",
            "LastUpdated": "2026-11-24T00:00:00Z",
        }
        assert found == timer.state.read() == status(NOW, datetime(2026, 11, 24, 4, tzinfo=UTC))

    async def test_edited_schedule_is_not_past_due(self, tmp_path: Path) -> None:
        """When the recorded next occurrence is not the schedule's, it is counted anew and nothing fires."""
        timer = Timer(tmp_path)
        timer.state.write(status(datetime(2026, 11, 24, 0, tzinfo=UTC), datetime(2026, 11, 24, 0, 10, tzinfo=UTC)))
        found = await timer.run_until_scheduled()

        assert timer.worker.calls == []
        assert (found.last, found.next) == (NEVER, datetime(2026, 11, 24, 4, tzinfo=UTC))

    async def test_past_due_before_the_first_run(self, tmp_path: Path) -> None:
        """A timer that has never run counts from when its status was written."""
        timer = Timer(tmp_path)
        written = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
        timer.state.write(status(NEVER, datetime(2026, 11, 24, 2, tzinfo=UTC), written))
        await timer.run_until_scheduled()

        (call,) = timer.worker.calls
        assert (call["IsPastDue"], call["ScheduleStatus"]["Last"]) == (True, "0001-01-01T00:00:00")

    @pytest.mark.parametrize("text", ["", "{", "{}"])
    async def test_damaged_status(self, tmp_path: Path, text: str) -> None:
        """A status that can't be read counts as none."""
        timer = Timer(tmp_path)
        (tmp_path / "tick.status.json").write_text(text)

        assert (await timer.run_until_scheduled()).last == NEVER

    async def test_failure_does_not_stop_the_schedule(self, tmp_path: Path) -> None:
        """A run that fails moves the schedule on like one that succeeds."""
        timer = Timer(tmp_path, fails=True)
        timer.state.write(status(datetime(2026, 11, 24, 2, tzinfo=UTC), datetime(2026, 11, 24, 3, tzinfo=UTC)))

        assert (await timer.run_until_scheduled()).last == NOW
        assert len(timer.worker.calls) == 1


class TestWithoutStatus:
    """Timers that keep none."""

    @pytest.mark.parametrize(
        ("schedule", "trigger"),
        [("*/10 * * * * *", {}), ("00:00:30", {}), (HOURLY, {"use_monitor": False})],
        ids=["several times a minute", "short interval", "switched off"],
    )
    async def test_nothing_is_recorded(self, tmp_path: Path, schedule: str, trigger: dict[str, Any]) -> None:
        """Nothing is written, and the function sees no status."""
        timer = Timer(tmp_path, schedule, run_on_startup=True, **trigger)
        await timer.run_until_scheduled()

        (call,) = timer.worker.calls
        assert (call["IsPastDue"], call["ScheduleStatus"]) == (False, None)
        assert timer.state.read() is None


class TestSingleton:
    """Two listeners of one timer."""

    async def test_second_waits_for_the_first(self, tmp_path: Path) -> None:
        """While one host has the timer another can't get it; afterwards it can."""
        first, second = TimerState(tmp_path, "tick"), TimerState(tmp_path, "tick")

        assert (first.acquire(), second.acquire()) == (True, False)
        first.release()
        assert second.acquire()
        second.release()

    async def test_stop_while_waiting(self, tmp_path: Path) -> None:
        """A listener that waits for its turn can be stopped, and has not touched the status."""
        holder = TimerState(tmp_path, "tick")
        assert holder.acquire()
        timer = Timer(tmp_path)
        timer.listener.start()
        await asyncio.sleep(0)
        await timer.listener.stop()

        assert timer.listener.status is None
        holder.release()


def test_interval_from_an_odd_moment(tmp_path: Path) -> None:
    """An interval counts from the moment itself, fractions of a second included."""
    moment = NOW + timedelta(milliseconds=123)
    state = TimerState(tmp_path, "tick")
    state.write(status(moment, parse_schedule("00:05:00").next_after(moment)))

    assert state.read() == status(moment, moment + timedelta(minutes=5))
