"""Workspaces and what is in them: rows in DuckDB, asked in KQL.

A workspace's database is made when it is first used, so a world that asks no logs pays nothing for it. Queries run in a
thread: parsing KQL takes tens of milliseconds, and the loop that serves every other service must not wait for it.
"""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb
import msgspec

from sandbox.frame.service import Clock, system_clock
from sandbox.logs.kql import refusal_of, translate
from sandbox.logs.refusals import Throttled
from sandbox.logs.tables import TABLES, Table
from sandbox.logs.timespans import Interval
from sandbox.logs.values import SQL_TYPES, RowError, cell, column_type, row_for

QUERIES_PER_WINDOW: Final = 200
WINDOW: Final = timedelta(seconds=30)
CONCURRENT_QUERIES: Final = 5
QUEUED_QUERIES: Final = 200
ROW_LIMIT: Final = 500_000
_ALWAYS: Final = Interval(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


class Result(msgspec.Struct, frozen=True):
    """A query's answer.

    Attributes:
        columns: names and Azure Monitor's types.
        rows: the cells as the API writes them.
        truncated: whether rows beyond the service's limit were left out.
    """

    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    truncated: bool = False


class Workspace:
    """One Log Analytics workspace."""

    def __init__(
        self,
        customer_id: str,
        resource_id: str,
        *,
        tables: Iterable[str] = TABLES,
        clock: Clock = system_clock,
        row_limit: int = ROW_LIMIT,
    ) -> None:
        self.customer_id = customer_id
        self.resource_id = resource_id
        self.has_data = False
        self._tables = frozenset(tables)
        self._clock = clock
        self._row_limit = row_limit
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add rows, all or none, and return how many.

        `TimeGenerated` defaults to now; `Type`, `TenantId`, `_SubscriptionId` and the billing columns are filled in;
        `_ResourceId` is stored in lower case, as Azure does.

        Raises:
            RowError: for an unknown table or column, or a value of the wrong type.
        """
        if table not in TABLES:
            raise RowError(f"no table {table!r}; there are {', '.join(TABLES)}")
        definition = TABLES[table]
        stored = [self._filled(definition, row_for(definition, row, number)) for number, row in enumerate(rows, 1)]
        if stored:
            structure = json.dumps([{name: SQL_TYPES[kind] for name, kind in definition.columns.items()}])
            with self._cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO raw.{table} SELECT unnest(from_json(?, ?), recursive := true)",
                    [json.dumps(stored), structure],
                )
            self.has_data = True
            self._tables |= {table}
        return len(stored)

    async def query(self, query: str, interval: Interval | None = None) -> Result:
        """The answer to a KQL query over rows with TimeGenerated in the interval.

        Raises:
            BadArgument: as the service refuses the query.
        """
        return await asyncio.to_thread(self._run, query, interval or _ALWAYS)

    def clear(self) -> None:
        """Delete all rows."""
        with self._cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"DELETE FROM raw.{table}")  # noqa: S608 - a name of TABLES
        self.has_data = False

    def close(self) -> None:
        """Give the database up."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _run(self, query: str, interval: Interval) -> Result:
        statement = translate(query, self._tables)
        parameters = {"kqlnow": _naive(self._clock())} if statement.reads_clock else None
        with self._cursor() as cursor:
            cursor.execute("SET VARIABLE timespan_start = ?::TIMESTAMP", [_naive(interval.start)])
            cursor.execute("SET VARIABLE timespan_end = ?::TIMESTAMP", [_naive(interval.end)])
            try:
                cursor.execute(statement.sql, parameters)
                rows = cursor.fetchmany(self._row_limit + 1)
            except duckdb.Error as error:
                if (refusal := refusal_of(error)) is not None:
                    raise refusal from error
                raise
            columns = [(name, column_type(kind)) for name, kind, *_ in cursor.description or ()]
        kinds = [kind for _, kind in columns]
        cells = [[cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows[: self._row_limit]]
        return Result(columns, cells, truncated=len(rows) > self._row_limit)

    def _filled(self, table: Table, row: dict[str, Any]) -> dict[str, Any]:
        resource_id = row.get("_ResourceId", "").lower()
        parts = resource_id.split("/")
        known = {
            "TimeGenerated": row["TimeGenerated"] or _naive(self._clock()).isoformat(),
            "Type": table.name,
            "TenantId": row.get("TenantId") or self.customer_id,
            "_ResourceId": resource_id,
            "_SubscriptionId": parts[2] if resource_id.startswith("/subscriptions/") else "",
            "_IsBillable": row["_IsBillable"] or "true",
        }
        return row | {name: value for name, value in known.items() if name in table.columns}

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._database is None:
                self._database = _new_database()
            return self._database.cursor()


class LogAnalytics:
    """The workspaces of the tenant, and how fast each caller asks."""

    def __init__(self, *, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._workspaces: dict[str, Workspace] = {}
        self._asked: dict[str, deque[datetime]] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._waiting: dict[str, int] = {}

    def add(self, customer_id: str, resource_id: str, *, tables: Iterable[str] = TABLES) -> Workspace:
        """Add an empty workspace with this id and ARM id; a table that it lacks comes with its first row."""
        workspace = Workspace(customer_id, resource_id, tables=tables, clock=self._clock)
        self.replace(workspace)
        return workspace

    def replace(self, workspace: Workspace) -> None:
        """Put a workspace in the place of the one with the same id."""
        self._workspaces[workspace.customer_id.lower()] = workspace

    def workspace(self, customer_id: str) -> Workspace | None:
        """The workspace with this id, None when there is none."""
        return self._workspaces.get(customer_id.lower())

    def close(self) -> None:
        """Give all databases up."""
        for workspace in self._workspaces.values():
            workspace.close()

    async def query(self, workspace: Workspace, caller: str, query: str, interval: Interval | None) -> Result:
        """The answer to the caller's query, in the caller's turn.

        Raises:
            Throttled: beyond the documented limits of queries in 30 seconds and of queries that wait.
            BadArgument: as the service refuses the query.
        """
        self._count(caller)
        if self._waiting.get(caller, 0) >= CONCURRENT_QUERIES + QUEUED_QUERIES:
            raise _throttled(WINDOW)
        self._waiting[caller] = self._waiting.get(caller, 0) + 1
        try:
            async with self._turns.setdefault(caller, asyncio.Semaphore(CONCURRENT_QUERIES)):
                return await workspace.query(query, interval)
        finally:
            self._waiting[caller] -= 1

    def _count(self, caller: str) -> None:
        now = self._clock()
        asked = self._asked.setdefault(caller, deque())
        while asked and asked[0] <= now - WINDOW:
            asked.popleft()
        if len(asked) >= QUERIES_PER_WINDOW:
            raise _throttled(asked[0] + WINDOW - now)
        asked.append(now)


def _throttled(wait: timedelta) -> Throttled:
    seconds = max(1, round(wait.total_seconds()))
    return Throttled(seconds=seconds, headers={"Retry-After": str(seconds)})


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _new_database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(":memory:", config={"threads": 1})
    statements = ["CREATE SCHEMA raw", "SET GLOBAL TimeZone = 'UTC'", "SET enable_external_access = false"]
    for table in TABLES.values():
        columns = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in table.columns.items())
        statements.append(f"CREATE TABLE raw.{table.name} ({columns})")
        # A view under the query's name holds the request's timespan against every table, as the service does.
        statements.append(
            f"CREATE VIEW {table.name} AS SELECT * FROM raw.{table.name} WHERE TimeGenerated "  # noqa: S608 - of TABLES
            "BETWEEN getvariable('timespan_start')::TIMESTAMP AND getvariable('timespan_end')::TIMESTAMP"
        )
    database.execute(";".join(statements))
    return database
