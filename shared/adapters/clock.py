"""The system's clock, as an adapter so that tests can hand in one that they move themselves."""

from datetime import UTC, datetime

from shared.application.ports import Clock


class SystemClock(Clock):
    """The time of this machine; Azure keeps its machines within a second of each other."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)
