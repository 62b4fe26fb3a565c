"""Values on their way into the engine, and out of it as the query API writes them."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from duckdb_kql.types import kusto_type

from sandbox.logs.tables import ColumnType, Table

SQL_TYPES: Final[Mapping[ColumnType, str]] = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.DATETIME: "TIMESTAMP",
    ColumnType.INT: "INTEGER",
    ColumnType.LONG: "BIGINT",
    ColumnType.REAL: "DOUBLE",
    ColumnType.BOOL: "BOOLEAN",
    ColumnType.GUID: "UUID",
    ColumnType.DYNAMIC: "JSON",
    ColumnType.TIMESPAN: "INTERVAL",
}
_INT_BITS: Final = {ColumnType.INT: 31, ColumnType.LONG: 63}


class RowError(ValueError):
    """A row that its table cannot take; the text names the table, the row, the column and what was expected."""


def row_for(table: Table, row: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The row with every column of the table, JSON values only; absent strings are empty, as in Kusto.

    Raises:
        RowError: for an unknown column, or a value that does not fit its column's type.
    """
    if unknown := sorted(row.keys() - table.columns.keys()):
        raise RowError(f"{table.name}, row {number}: no column {unknown[0]!r}; it has {', '.join(table.columns)}")
    return {
        column: _stored(row.get(column), kind, f"{table.name}, row {number}, column {column}")
        for column, kind in table.columns.items()
    }


def _stored(value: Any, kind: ColumnType, where: str) -> Any:
    if value is None:
        return "" if kind is ColumnType.STRING else None
    try:
        return _ENCODERS[kind](value)
    except (TypeError, ValueError) as error:
        raise RowError(f"{where}: expected {kind}, found {type(value).__name__} {str(value)[:60]!r}") from error


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(kind: ColumnType) -> Callable[[Any], int | float]:
    def encode(value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if kind in _INT_BITS and (not isinstance(value, int) or abs(value) >> _INT_BITS[kind]):
            raise ValueError
        return value

    return encode


def _datetime(value: Any) -> str:
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        raise TypeError
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat()


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _refused(_value: Any) -> str:
    raise TypeError


_ENCODERS: Final[Mapping[ColumnType, Callable[[Any], Any]]] = {
    ColumnType.STRING: _string,
    ColumnType.DATETIME: _datetime,
    ColumnType.INT: _number(ColumnType.INT),
    ColumnType.LONG: _number(ColumnType.LONG),
    ColumnType.REAL: _number(ColumnType.REAL),
    ColumnType.BOOL: _bool,
    ColumnType.GUID: lambda value: str(UUID(value)),
    ColumnType.DYNAMIC: lambda value: json.loads(json.dumps(value)),
    ColumnType.TIMESPAN: _refused,  # no table that we know has one
}


def column_type(sql_type: object) -> str:
    """Azure Monitor's name of a result column's type."""
    return kusto_type(sql_type)


def cell(value: Any, kind: str) -> Any:
    """A result's cell as the API writes it: no null string, times with a Z, `dynamic` as a text of JSON."""
    if value is None:
        return "" if kind == ColumnType.STRING else None
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if kind == ColumnType.DYNAMIC and isinstance(value, str) and value.startswith('"'):
        return json.loads(value)
    if isinstance(value, bool | int | float | str):
        return value
    return _text(value)


def _text(value: Any) -> str:
    match value:
        case datetime():
            return value.isoformat(timespec="microseconds").rstrip("0").rstrip(".") + "Z"
        case timedelta():
            return _timespan(value)
        case list() | dict() | tuple():
            return json.dumps(value, default=str, separators=(",", ":"))
        case _:
            return str(value)


def _timespan(value: timedelta) -> str:
    sign = "-" if value < timedelta(0) else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3600)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds:06d}0" if value.microseconds else ""
    return f"{sign}{days}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}{fraction}"
