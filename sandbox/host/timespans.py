"""Reads .NET's TimeSpan texts, in which `host.json`, schedules and retry policies are written.

The trap: `30` is thirty days, and `00:90:00` is an error rather than an hour and a half.
"""

import re
from datetime import timedelta

_TIMESPAN = re.compile(r"(?:(?P<d>\d{1,8})\.)?(?P<h>\d{1,2}):(?P<m>\d{1,2})(?::(?P<s>\d{1,2})(?:\.(?P<f>\d{1,7}))?)?")
_DAYS = re.compile(r"\d{1,8}")


def parse_timespan(text: str) -> timedelta:
    """The duration that `[d.]hh:mm[:ss[.fffffff]]` or a number of days means; raises `ValueError` for anything else."""
    text = text.strip()
    if _DAYS.fullmatch(text):
        return timedelta(days=int(text))
    match = _TIMESPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a TimeSpan; expected [d.]hh:mm:ss[.fffffff]")
    hours, minutes, seconds = int(match["h"]), int(match["m"]), int(match["s"] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004 - a clock's limits
        raise ValueError(f"{text!r} is not a TimeSpan; expected hours below 24, minutes and seconds below 60")
    return timedelta(
        days=int(match["d"] or 0),
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        microseconds=int((match["f"] or "0").ljust(7, "0")) // 10,
    )
