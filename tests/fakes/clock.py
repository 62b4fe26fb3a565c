"""A clock that stands still until a test moves it, because waiting for real makes tests slow and flaky."""

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """Time that moves only by `advance` and by `sleep`, which returns at once.

    Attributes:
        slept: the seconds of every `sleep`, in order.
    """

    def __init__(self, now: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The time as the test left it."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Move on by `seconds` and let other tasks run."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self._now += timedelta(seconds=seconds)
