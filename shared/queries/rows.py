"""Cells of a query's rows, as the client hands them out.

The traps (observed with azure-monitor-query 2.0.0): a dynamic cell is a string of JSON, a null guid or timespan is the
text `None`, other nulls are `None`, and a custom table may hold anything.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.domain.json_reader import JsonUnreadable, read_json

type Row = Mapping[str, Any]
"""One row: column → value."""

_LONGEST = 8_192
_MOST = 50


def text(row: Row, column: str) -> str:
    """The text in a cell, empty for null."""
    value = row.get(column)
    if value is None or value == "None":
        return ""
    return _plain(str(value))


def _plain(written: str) -> str:
    """Bounded, and without the lone surrogates that JSON can carry and no store can."""
    return written[:_LONGEST].encode("utf-8", "replace").decode()


def count(row: Row, column: str) -> int:
    """The whole number in a cell, at least 1."""
    value = row.get(column)
    try:
        return max(1, int(float(value))) if value is not None else 1
    except (TypeError, ValueError, OverflowError):
        return 1


def moment(row: Row, column: str) -> datetime | None:
    """The time in a cell, aware, in UTC; None for null or anything else."""
    value = row.get(column)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def names(row: Row, column: str) -> tuple[str, ...]:
    """The texts in a dynamic cell, sorted, each once, without empty ones, at most 50."""
    value = row.get(column)
    if isinstance(value, str):
        try:
            value = read_json(value)
        except JsonUnreadable:
            return ()
    if not isinstance(value, list | tuple):
        return ()
    return tuple(sorted({_plain(item) for item in value if isinstance(item, str) and item})[:_MOST])
