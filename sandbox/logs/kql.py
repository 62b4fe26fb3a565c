"""Turns a KQL query into SQL for DuckDB, and every way in which that fails into the service's own refusal.

The engine is duckdb-kql, so the queries that go to Azure are the ones that run here. What the engine cannot translate
it refuses rather than answering something plausible, and so does the sandbox.
"""

import re
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import duckdb
import msgspec
from duckdb_kql import KqlError, KqlSyntaxError, ir
from duckdb_kql.lower import lower
from duckdb_kql.translate import clock
from duckdb_kql.translate import to_sql as emit

from sandbox.logs.names import resolve, tables_of
from sandbox.logs.refusals import BadArgument, BeyondTheEngine, QuerySemanticError, QuerySyntaxError
from sandbox.logs.tables import TABLES

_COLUMNS: Final = MappingProxyType({name: list(table.columns) for name, table in TABLES.items()})
_ANY_TIME: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - DuckDB's TIMESTAMP is naive; the value is bound when run
_POSITION: Final = re.compile(r"could not parse KQL at (\d+):(\d+): (.*)", re.DOTALL)
_UNKNOWN_COLUMN: Final = re.compile(r'Referenced column "([^"]+)" not found')
_NO_TABLE: Final = re.compile(r"schema error for '(\w+)' \(unknown table")
_UNKNOWN_TABLE: Final = re.compile(r"Table with name (\S+) does not exist")


class Statement(msgspec.Struct, frozen=True):
    """A query in DuckDB's words.

    Attributes:
        sql: the statement; where `reads_clock`, with a named parameter `kqlnow` for the time.
        tables: the names of the tables that it reads.
        reads_clock: whether `now()` or `ago()` occurs in it.
    """

    sql: str
    tables: frozenset[str]
    reads_clock: bool


@lru_cache(maxsize=256)
def translate(query: str, tables: frozenset[str] = frozenset(TABLES)) -> Statement:
    """The query as SQL over those of the tables of `sandbox.logs.tables` that a workspace has.

    Raises:
        BadArgument: as the service refuses it: syntax, unknown names, or beyond what the engine knows.
    """
    if not query.strip():
        raise BadArgument("The query is empty.")
    if query.lstrip().startswith("."):
        raise QuerySyntaxError("management commands are no queries", line=1, column=0)
    try:
        tree = lower(query)
        _refuse_statements(tree)
        columns = {name: known for name, known in _COLUMNS.items() if name in tables}
        tree = resolve(tree, columns)
        with clock(_ANY_TIME) as used:
            sql = str(emit(tree, columns))
    except KqlSyntaxError as error:
        raise _syntax(str(error)) from error
    except KqlError as error:
        if table := _NO_TABLE.search(str(error)):
            name = f"Failed to resolve table or column expression named '{table[1]}'"
            raise QuerySemanticError(name) from error
        raise BeyondTheEngine(str(error)) from error
    return Statement(sql, frozenset(tables_of(tree)), reads_clock=used.used)


def refusal_of(error: duckdb.Error) -> QuerySemanticError | None:
    """What the service would have said before running the query; None for an error that is the sandbox's own."""
    text = str(error)
    if column := _UNKNOWN_COLUMN.search(text):
        return QuerySemanticError(f"Failed to resolve column or scalar expression named '{column[1]}'")
    if table := _UNKNOWN_TABLE.search(text):
        return QuerySemanticError(f"Failed to resolve table or column expression named '{table[1]}'")
    if isinstance(error, duckdb.BinderException | duckdb.ConversionException | duckdb.OutOfRangeException):
        return BeyondTheEngine(text.splitlines()[0])
    return None


def _refuse_statements(tree: ir.Query) -> None:
    if tree.parameters:
        raise BadArgument("The query API takes no query parameters.")


def _syntax(text: str) -> QuerySyntaxError:
    found = _POSITION.match(text)
    if found is None:
        return QuerySyntaxError(text, line=1, column=0)
    return QuerySyntaxError(found[3], line=int(found[1]), column=int(found[2]))
