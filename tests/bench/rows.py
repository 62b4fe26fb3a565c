"""A measured number beside the one to hold."""

import statistics
from collections.abc import Sequence

import msgspec


class Measured(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        what: what was measured.
        value: the number with its unit.
        hold: the number to hold, with its unit.
        held: whether it is held on this machine now.
    """

    what: str
    value: str
    hold: str
    held: bool


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies; the largest one when there are few."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)
