"""A clock that stands still until a test moves it, because waiting for real makes tests slow and flaky."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Time that moves only by `advance`."""

    def __init__(self, now: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time as the test left it."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self._now += timedelta(seconds=seconds)
