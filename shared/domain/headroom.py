"""Headroom: how many pulls Docker Hub's window has left, and when it will be empty at this rate.

The traps: a missing or empty header means unknown or unlimited and never zero (ACR refused paid accounts for that);
and the window slides, so the number may rise by itself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address

import msgspec

_LOW_SHARE = 0.2
_FEWEST = 3
"""Readings below which a rate would be a guess."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the pull limit.

    Attributes:
        limit, remaining: pulls; None where Docker Hub did not say: unlimited, or unknown.
        window_s: the window's length.
        by_account: whether the window is the account's, not the address's, by Docker Hub's own word where it gave one.
        refused: the look itself was answered with 429.
        abuse: that 429 was the abuse limit, which no plan lifts.
    """

    at: datetime
    limit: int | None = None
    remaining: int | None = None
    window_s: int | None = None
    by_account: bool = False
    refused: bool = False
    abuse: bool = False


class Level(StrEnum):
    """How much is left."""

    UNKNOWN = "unknown"
    ENOUGH = "enough"
    LOW = "low"
    EXHAUSTED = "exhausted"


class Outlook(msgspec.Struct, frozen=True):
    """What the readings say.

    Attributes:
        empty_at: when the window will be empty at this rate; None when it won't be, or nobody can tell.
        uncertainty: how far off that may be, either way.
    """

    level: Level
    empty_at: datetime | None = None
    uncertainty: timedelta = timedelta(0)


def parse_limit(header: str | None) -> tuple[int | None, int | None]:
    """Pulls and window of `100;w=21600`; None for what is missing, empty or no number."""
    number, _, rest = (header or "").partition(";")
    window = rest.partition("w=")[2].partition(";")[0]
    return _number(number), _number(window)


def is_address(source: str) -> bool:
    """Whether what a window is counted for is an address: IPv4, or the first half of an IPv6 one (`2001:db8:1:2::`)."""
    try:
        ip_address(source)
    except ValueError:
        return False
    return True


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None  # noqa: PLR2004 - a sane length


def outlook(readings: Sequence[Reading]) -> Outlook:
    """How much is left after the newest reading, and until when at the rate of all of them."""
    if not readings or readings[-1].abuse:
        return Outlook(Level.UNKNOWN)
    last = readings[-1]
    if last.refused or last.remaining == 0:
        return Outlook(Level.EXHAUSTED, last.at)
    if last.remaining is None or last.limit is None:
        return Outlook(Level.UNKNOWN)
    empty_at, uncertainty = _forecast([r for r in readings if r.remaining is not None], last)
    soon = empty_at is not None and empty_at - last.at < timedelta(hours=1)
    low = soon or last.remaining <= last.limit * _LOW_SHARE
    return Outlook(Level.LOW if low else Level.ENOUGH, empty_at, uncertainty)


def _forecast(readings: Sequence[Reading], last: Reading) -> tuple[datetime | None, timedelta]:
    """When a straight line through the readings reaches zero; the uncertainty from the line's own error."""
    if len(readings) < _FEWEST:
        return None, timedelta(0)
    xs = [(reading.at - last.at).total_seconds() for reading in readings]
    ys = [float(reading.remaining or 0) for reading in readings]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if spread == 0:
        return None, timedelta(0)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    if slope >= 0:
        return None, timedelta(0)
    left = (last.remaining or 0) / -slope
    residual = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    error = (residual / max(len(xs) - 2, 1) / spread) ** 0.5
    off = left * min(error / -slope, 1.0)
    if left > (last.window_s or 21600):
        return None, timedelta(0)
    return last.at + timedelta(seconds=left), timedelta(seconds=off)
