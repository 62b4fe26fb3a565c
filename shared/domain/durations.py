"""Durations as a policy writes them: `30d`, `4h`, `90m`; one number, one unit, nothing to misread."""

import re
from datetime import timedelta

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_FORM = re.compile(r"([1-9][0-9]{0,4})([wdhms])")

DURATION_PATTERN = r"^[1-9][0-9]{0,4}[wdhms]$"
"""The form for JSON Schema."""


def parse_duration(text: str) -> timedelta:
    """The duration; raises `ValueError` when the text is none."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("a duration is a number and one of w d h m s: 30d, 4h, 90m")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back: `30d`, `90m`, `0s` for none."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0 and (seconds or size == 1))
    return f"{seconds // _UNITS[unit]}{unit}"
