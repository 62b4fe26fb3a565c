"""ISO 8601 durations and intervals, as the query API's `timespan` takes them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from sandbox.logs.refusals import BadArgument

_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


class Interval(msgspec.Struct, frozen=True):
    """From `start` to `end`, both included, in UTC."""

    start: datetime
    end: datetime


def interval(text: str, now: datetime) -> Interval:
    """The interval that `PT1H`, `start/end`, `start/PT1H` or `PT1H/end` names; a lone duration ends now.

    Raises:
        BadArgument: for anything else.
    """
    first, slash, second = text.partition("/")
    if not slash:
        return Interval(now - _duration(first), now)
    if first.startswith("P"):
        end = _instant(second)
        return Interval(end - _duration(first), end)
    start = _instant(first)
    return Interval(start, start + _duration(second) if second.startswith("P") else _instant(second))


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    parts = {unit: float(value) for unit, value in found.groupdict().items() if value} if found else {}
    if not parts:
        raise BadArgument(f"timespan: {text!r} is no ISO 8601 duration of weeks, days, hours, minutes and seconds")
    return timedelta(**parts)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadArgument(f"timespan: {text!r} is no ISO 8601 time") from error
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
