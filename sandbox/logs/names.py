"""Resolves the names in a query as Kusto does, where DuckDB is too lenient.

DuckDB folds case and lets a column refer to its neighbour in the same `extend`; Kusto does neither. A query that passed
here on that leniency would fail in Azure, so such names are refused before the engine sees them. `column_ifexists` is
replaced here too, because the engine has no such function and only the schema can answer it.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from duckdb_kql import KqlError, ir
from duckdb_kql.schema import output_columns

from sandbox.logs.refusals import NoOperand, QuerySemanticError

type Columns = Mapping[str, list[str]]


def resolve(query: ir.Query, tables: Columns) -> ir.Query:
    """The query with every `column_ifexists` answered.

    Raises:
        QuerySemanticError: a table or column is named that exists only in another case, or not yet.
        NoOperand: a fuzzy union of which no table exists.
    """
    known = dict(tables)
    lets: list[tuple[str, ir.Query | ir.Expr]] = []
    for name, bound in query.lets:
        resolved = _rebuilt(bound, known, None)
        lets.append((name, resolved))
        if isinstance(resolved, ir.Query):
            known[name] = _columns(resolved, known) or []
    fuzzy = [operator for operator in query.operators if isinstance(operator, ir.Union) and operator.isfuzzy]
    if fuzzy and not any(_exists(one, known) for one in (query, *fuzzy[0].branches)):
        raise NoOperand
    _check_table(query.source, known, _first_operator(query), fuzzy=bool(fuzzy))
    answered = ir.Query(query.source, [], lets, query.parameters)
    for operator in query.operators:
        columns = _columns(answered, known)
        if columns is not None:
            _check_columns(operator, columns)
        answered.operators.append(_rebuilt(operator, known, columns))
    return answered


def tables_of(node: object) -> Iterator[str]:
    """The names of all tables that are read anywhere in the query."""
    if isinstance(node, ir.TableRef):
        yield node.name
    for child in _children(node):
        yield from tables_of(child)


def _columns(query: ir.Query, tables: Columns) -> list[str] | None:
    try:
        return output_columns(query, dict(tables))
    except KqlError:
        return None  # the engine says why, with the whole query before it


def _check_table(source: ir.Source, tables: Columns, operator: str, *, fuzzy: bool) -> None:
    if isinstance(source, ir.TableRef) and source.name not in tables and not fuzzy:
        raise QuerySemanticError(
            f"{operator}: Failed to resolve table or column expression named '{source.name}'",
        )


def _check_columns(operator: ir.Operator, columns: list[str]) -> None:
    folded = {column.casefold() for column in columns} | {name.casefold() for name in _defined(operator)}
    for name in _referred(operator):
        if name not in columns and name.casefold() in folded:
            raise QuerySemanticError(
                f"{_spelling(operator)}: Failed to resolve column or scalar expression named '{name}'",
            )


def _defined(operator: ir.Operator) -> Iterator[str]:
    if isinstance(operator, ir.Extend | ir.Project):
        for expression in operator.expressions:
            if expression.name is not None:
                yield expression.name


def _referred(node: object) -> Iterator[str]:
    if isinstance(node, ir.ColumnRef):
        yield node.name
    for child in _children(node):
        if not isinstance(child, ir.Query):
            yield from _referred(child)


def _rebuilt(node: Any, tables: Columns, columns: list[str] | None) -> Any:
    """The node with nested queries resolved and `column_ifexists` answered from the columns before this operator."""
    if isinstance(node, ir.Query):
        return resolve(node, tables)
    if isinstance(node, ir.FunctionCall) and node.name == "column_ifexists":
        return _if_exists(node, tables, columns)
    if isinstance(node, tuple | list):
        return type(node)(_rebuilt(item, tables, columns) for item in node)
    if isinstance(node, ir.Union) and node.isfuzzy:
        branches = (branch for branch in node.branches if _exists(branch, tables))
        return dataclasses.replace(node, branches=tuple(resolve(branch, tables) for branch in branches))
    if not isinstance(node, ir.Node) or not dataclasses.is_dataclass(node):
        return node
    parts = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    return dataclasses.replace(node, **{name: _rebuilt(part, tables, columns) for name, part in parts.items()})


def _if_exists(call: ir.FunctionCall, tables: Columns, columns: list[str] | None) -> ir.Expr:
    wanted, default = call.args if len(call.args) == 2 else (None, None)  # noqa: PLR2004 - a column and a default
    if not isinstance(wanted, ir.Literal) or not isinstance(wanted.value, str) or default is None:
        raise QuerySemanticError("column_ifexists(): expected a column's name as a text, and a default")
    if columns is not None and wanted.value in columns:
        return ir.ColumnRef(wanted.value)
    answer: ir.Expr = _rebuilt(default, tables, columns)
    return answer


def _exists(branch: ir.Query, tables: Columns) -> bool:
    return not isinstance(branch.source, ir.TableRef) or branch.source.name in tables


def _children(node: object) -> Iterator[object]:
    if isinstance(node, tuple | list):
        yield from node
    elif isinstance(node, ir.Node) and dataclasses.is_dataclass(node):
        for field in dataclasses.fields(node):
            yield getattr(node, field.name)


def _first_operator(query: ir.Query) -> str:
    return _spelling(query.operators[0]) if query.operators else "'take' operator"


def _spelling(operator: ir.Operator) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(operator).__name__).lower()
    return f"'{words}' operator"
