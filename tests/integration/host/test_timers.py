"""Timer functions in running hosts; what needs no host is in the unit tests of the listener."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from sandbox.host.timer_state import TimerStatus
from tests.integration.host.conftest import Launch

EVERY_SECOND = {"TICK": "* * * * * *"}


class TestSchedule:
    """When timers fire."""

    async def test_fires_by_its_schedule(self, launch: Launch) -> None:
        """A timer fires at each occurrence; one that fires more than once a minute keeps no status."""
        own = await launch("tick", settings=EVERY_SECOND)

        entries = await own.journal.wait_for("tick", 2)
        assert [(entry["past_due"], entry["status"]) for entry in entries[:2]] == [(False, {}), (False, {})]

    async def test_missed_occurrences_are_caught_up_once(self, launch: Launch, tmp_path: Path) -> None:
        """A timer that missed several occurrences fires once at the start, past due, and knows when it fired last."""
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        missed = TimerStatus(hour - timedelta(hours=3), hour - timedelta(hours=2), hour - timedelta(hours=3))
        folder = tmp_path / "state" / "timers"
        folder.mkdir(parents=True)
        (folder / "tick.status.json").write_bytes(msgspec.json.encode(missed))

        own = await launch("tick", settings={"TICK": "0 0 * * * *"})
        (entry,) = await own.journal.wait_for("tick")
        assert entry["past_due"] is True
        assert datetime.fromisoformat(entry["status"]["Last"]) == missed.last

    async def test_run_on_startup_with_retries(self, launch: Launch) -> None:
        """A timer with runOnStartup fires at once, and its retry policy counts the tries for the function."""
        own = await launch("flaky")

        entries = await own.journal.wait_for("flaky", 3)
        assert [(entry["retry_count"], entry["max_retry_count"]) for entry in entries] == [(0, 2), (1, 2), (2, 2)]


class TestSingleton:
    """Several hosts of one app."""

    async def test_one_host_runs_the_timer(self, launch: Launch) -> None:
        """Of two hosts with one state folder one runs the timer; when it is killed, the other takes over."""
        first = await launch("tick", settings=EVERY_SECOND)
        await first.journal.wait_for("tick")
        await launch("tick", settings=EVERY_SECOND)
        (before,) = {entry["process"] for entry in await first.journal.wait_for("tick", 4)}

        await first.process.kill()
        so_far = len(first.journal.of("tick"))
        after = {entry["process"] for entry in (await first.journal.wait_for("tick", so_far + 2))[so_far:]}
        assert len(after) == 1
        assert before not in after
