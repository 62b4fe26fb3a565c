"""NCRONTAB, the timer trigger's dialect of cron, as the library NCrontab behind Azure's timers reads it.

No cron library of Python's reads it right: with both day fields restricted, cron fires when either matches and NCRONTAB
when both do (cronsim, like Vixie cron, takes either; croniter has a switch); `7`, `L`, `#`, `?` and `@daily`, which
those libraries take, are errors in NCRONTAB; and a reversed range (`5-1`) is turned round instead of refused.
Source: https://github.com/atifaziz/NCrontab, CrontabFieldImpl.cs and CrontabSchedule.cs.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
_FIELDS: tuple[tuple[str, int, int, Sequence[str]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _WEEKDAYS),
)
_WITHOUT_SECONDS = len(_FIELDS) - 1
_HORIZON = timedelta(days=366 * 9)  # 29 February can be eight years away (around 2100)


class Crontab(msgspec.Struct, frozen=True):
    """A parsed expression: the allowed values of each field."""

    text: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @property
    def is_monitored(self) -> bool:
        """False when only the second is restricted, and to more than one value: the real host then keeps no status."""
        every_minute = all(field == "*" for field in self.text.split()[1:])
        return not (every_minute and len(self.text.split()) == len(_FIELDS) and len(self.seconds) > 1)

    def next_after(self, moment: datetime, zone: tzinfo | None = None) -> datetime:
        """The first occurrence after `moment`, both aware, on the wall clock of `zone` (None: the machine's).

        Raises:
            ValueError: there is none within nine years, for example for 31 February.
        """
        local = moment.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)
        end = local + _HORIZON
        while (local := self._next_wall_time(local + timedelta(seconds=1), end)) < end:
            for fold in (0, 1):  # a wall time in the hour that the clock repeats exists twice
                occurrence = _in_zone(local.replace(fold=fold), zone)
                if occurrence.astimezone(UTC) > moment.astimezone(UTC):  # within one zone Python ignores the fold
                    return occurrence
        raise ValueError(f"the schedule {self.text!r} never occurs")

    def _next_wall_time(self, start: datetime, end: datetime) -> datetime:
        time = start
        while time < end:
            if time.month not in self.months:
                time = (time.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)
            elif time.day not in self.days or time.isoweekday() % 7 not in self.weekdays:
                time = time.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif time.hour not in self.hours:
                time = time.replace(minute=0, second=0) + timedelta(hours=1)
            elif time.minute not in self.minutes:
                time = time.replace(second=0) + timedelta(minutes=1)
            elif time.second not in self.seconds:
                time += timedelta(seconds=1)
            else:
                return time
        return end


def parse_crontab(text: str) -> Crontab:
    """Read `{second} {minute} {hour} {day} {month} {day-of-week}`; five fields mean second 0.

    Raises:
        ValueError: the expression is not NCRONTAB; the message names the field.
    """
    fields = text.split()
    if len(fields) == _WITHOUT_SECONDS:
        fields = ["0", *fields]
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{text!r} has {len(fields)} fields; expected 6: second minute hour day month day-of-week")
    return Crontab(text, *(_parse_field(field, *rule) for field, rule in zip(fields, _FIELDS, strict=True)))


def _parse_field(text: str, name: str, low: int, high: int, names: Sequence[str]) -> frozenset[int]:
    values: set[int] = set()
    for item in text.split(","):
        span, slash, step_text = item.partition("/")
        step = _number(step_text, name, 1, high) if slash else 1
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = sorted(_value(end, name, low, high, names) for end in span.split("-", 1))
        else:
            first = _value(span, name, low, high, names)
            last = high if slash else first
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _value(text: str, name: str, low: int, high: int, names: Sequence[str]) -> int:
    """A number, or the first name that starts with the text (`T` is Tuesday, `Ju` is June)."""
    if text[:1].isalpha():
        for index, full in enumerate(names):
            if full.startswith(text.lower()):
                return low + index
    return _number(text, name, low, high)


def _number(text: str, name: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise ValueError(f"{text!r} is not a valid {name}; expected {low} to {high}")
    return int(text)


def _in_zone(naive: datetime, zone: tzinfo | None) -> datetime:
    return naive.astimezone() if zone is None else naive.replace(tzinfo=zone)
