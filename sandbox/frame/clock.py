"""A clock that can be moved forward, so that windows, tokens and grace periods of hours pass at once."""

from datetime import datetime, timedelta

from sandbox.frame.service import Clock, system_clock


class AdjustableClock:
    """The machine's time plus an offset that only grows; call it for the time in UTC."""

    def __init__(self, base: Clock = system_clock) -> None:
        self._base = base
        self._offset = timedelta(0)

    def __call__(self) -> datetime:
        """The time by now."""
        return self._base() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the time forward; raises ValueError for a negative number: no service here knows time to run back."""
        if seconds < 0:
            raise ValueError(f"expected seconds to move forward, found {seconds}")
        self._offset += timedelta(seconds=seconds)
