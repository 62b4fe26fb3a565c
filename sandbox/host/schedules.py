"""A timer's schedule: an NCRONTAB expression or a TimeSpan, and whether its status survives a restart.

Source: azure-webjobs-sdk-extensions, src/WebJobs.Extensions/Extensions/Timers/Scheduling/TimerSchedule.cs.
"""

from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from sandbox.host.errors import BindingError
from sandbox.host.ncrontab import parse_crontab
from sandbox.host.timespans import parse_timespan

_MINUTE = timedelta(minutes=1)


class Schedule(Protocol):
    """When a timer fires."""

    @property
    def text(self) -> str:
        """The schedule as the app wrote it, settings resolved."""

    @property
    def is_monitored(self) -> bool:
        """Whether the real host keeps the schedule's status: not for one that fires several times a minute."""

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence after an aware moment."""


class Interval(msgspec.Struct, frozen=True):
    """A schedule that fires a fixed time after the last occurrence."""

    text: str
    every: timedelta

    @property
    def is_monitored(self) -> bool:
        """True from one minute on."""
        return self.every >= _MINUTE

    def next_after(self, moment: datetime) -> datetime:
        """The moment one interval later."""
        return moment + self.every


def parse_schedule(text: str) -> Schedule:
    """Read a schedule; raises `BindingError` for what is neither NCRONTAB nor a TimeSpan longer than zero."""
    try:
        return parse_crontab(text)
    except ValueError as crontab_error:
        try:
            every = parse_timespan(text)
        except ValueError:
            raise BindingError(
                f"The schedule expression '{text}' was not recognized as a valid cron expression or timespan string: "
                f"{crontab_error}."
            ) from None
    if not every:
        raise BindingError(f"The schedule '{text}' is zero; expected a TimeSpan longer than that.")
    return Interval(text, every)
