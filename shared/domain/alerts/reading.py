"""Reading of untrusted JSON: keys in any letter case, values of a wrong type as absent, complaints with their place.

Azure spells one field `alertRuleID` in the reference and `alertRuleId` in the sample, and leaves out or nulls most
fields in some alert (documented samples), so presence is never assumed.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from shared.domain.alerts.model import UnknownAlert

_LONGEST = 4_096
_MOST_ENTRIES = 64
_LONGEST_WINDOW = timedelta(days=30)
_DURATION = re.compile(
    r"P(?:(?P<days>[0-9]{1,4})D)?(?:T(?:(?P<hours>[0-9]{1,5})H)?(?:(?P<minutes>[0-9]{1,6})M)?(?:(?P<seconds>[0-9]{1,7})(?:\.[0-9]{1,9})?S)?)?"
)
_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")
_AMERICAN = "%m/%d/%Y %I:%M:%S %p"
_YEARS = range(2000, 2200)


class Fields:
    """A JSON object, its keys in any letter case; what is missing or of another type reads as empty."""

    def __init__(self, value: object, path: str) -> None:
        self.path = path
        self._written = value if isinstance(value, dict) else {}
        self._values = {str(key).lower(): item for key, item in self._written.items()}

    def __contains__(self, key: str) -> bool:
        return self._values.get(key.lower()) is not None

    def text(self, key: str) -> str:
        """The text under a key, at most 4,096 characters of it."""
        value = self._values.get(key.lower())
        return value.strip()[:_LONGEST] if isinstance(value, str) else ""

    def number(self, key: str) -> float | None:
        """The number under a key, also when it is written as text."""
        value = self._values.get(key.lower())
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return number if abs(number) < 1e12 else None  # noqa: PLR2004 - far beyond any count or duration; NaN fails it

    def fields(self, key: str) -> "Fields":
        """The object under a key."""
        return Fields(self._values.get(key.lower()), f"{self.path}.{key}")

    def items(self, key: str) -> list[object]:
        """The first 64 entries of the list under a key."""
        value = self._values.get(key.lower())
        return value[:_MOST_ENTRIES] if isinstance(value, list) else []

    def texts(self) -> dict[str, str]:
        """The first 64 entries with their values as text."""
        return {
            str(key)[:_LONGEST]: str(value)[:_LONGEST]
            for key, value in list(self._written.items())[:_MOST_ENTRIES]
            if isinstance(value, str | int | float) and not isinstance(value, bool)
        }

    def raw(self, key: str) -> object:
        """Whatever stands under a key."""
        return self._values.get(key.lower())

    def time(self, *keys: str) -> datetime:
        """The first time under one of the keys.

        Raises:
            UnknownAlert: there is none, or it is none of the documented forms.
        """
        found = next((text for text in map(self.text, keys) if text), "")
        if not found:
            raise UnknownAlert(f"{self.path}.{keys[0]} is missing; a time was expected")
        moment = read_time(found)
        if moment is None:
            raise UnknownAlert(
                f"{self.path}.{keys[0]} is {found[:40]!r}; a time such as 2026-01-02T03:04:05Z was expected"
            )
        return moment


def read_time(text: str) -> datetime | None:
    """A time as Azure writes them, ISO with up to seven decimals or American with AM and PM; None for anything else."""
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    except ValueError:
        try:
            moment = datetime.strptime(text, _AMERICAN)  # noqa: DTZ007 - these fields are UTC by their name
        except ValueError:
            return None
    if moment.year not in _YEARS:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def read_duration(text: str) -> timedelta:
    """An ISO 8601 duration of days, hours, minutes and seconds, at most 30 days; zero for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return timedelta(0)
    parts = {unit: int(amount) for unit, amount in match.groupdict().items() if amount}
    return min(timedelta(**parts), _LONGEST_WINDOW)


def between(start: str, end: str) -> timedelta:
    """The time between two times as Azure writes them; zero when one is missing or they stand in the wrong order."""
    first, last = read_time(start), read_time(end)
    if first is None or last is None:
        return timedelta(0)
    return min(max(last - first, timedelta(0)), _LONGEST_WINDOW)


def texts_in(entries: Sequence[object]) -> list[str]:
    """The texts of a list."""
    return [entry for entry in entries if isinstance(entry, str)]


def name_and_value(entries: list[object], path: str) -> Iterator[tuple[str, str]]:
    """The pairs of a list of `{name, value}` objects."""
    for entry in entries:
        fields = Fields(entry, path)
        name, value = fields.text("name"), fields.raw("value")
        if name and isinstance(value, str | int | float):
            yield name, str(value)[:_LONGEST]
