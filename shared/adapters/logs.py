"""Log Analytics, asked with our own KQL in workspaces that the policy names.

The traps (observed, azure-monitor-query 2.0.0): the token's audience follows the endpoint unless it is given; a
workspace without data answers 204 with nothing in it, which the SDK can't read, as it can't read any answer that is no
JSON; a partial answer may have no tables; a fuzzy union is called partial for each table that the workspace lacks; and
the null cells of guids and timespans come as the text "None".
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.azure_errors import azure_call, refused
from shared.adapters.clients import client_options
from shared.application.log_ports import LogRows, Logs, TableMissing
from shared.errors import PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NO_TABLE: Final = re.compile(r"[Ff]ailed to resolve table(?: or column)? expression named '([^']{1,200})'")
_NO_OPERAND: Final = "must have at least one operand that can be evaluated"
"""What a union says whose tables are all missing, `isfuzzy` or not (observed in public reports)."""

_NONE_AS_TEXT: Final = frozenset({"guid", "timespan"})
_SERVER_TIMEOUT_S: Final = 50
_DEADLINE_S: Final = 90.0
_NO_CONTENT: Final = 204
_REFUSALS: Final = 400


class WorkspaceInvalid(PermanentError):
    """A workspace id is no GUID."""

    code = "workspace_invalid"
    hint = "Use the workspace's id from its overview page, not its name or its ARM id."


class QueryInvalid(PermanentError):
    """Log Analytics does not understand the query."""

    code = "query_invalid"
    hint = "A column may have been renamed; report this with the query's name."


class LogAnalytics(Logs):
    """Log Analytics' query API; the client is made on first use, closed by `aclose`."""

    def __init__(
        self,
        credential: "AsyncTokenCredential",
        *,
        endpoint: str = "https://api.loganalytics.io",
        audience: str = "https://api.loganalytics.io",
        **options: Any,
    ) -> None:
        self._credential = credential
        self._endpoint = endpoint
        self._audience = audience
        self._options = options
        self._made: Any = None

    async def aclose(self) -> None:
        """Close the connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    async def query(self, workspace_id: str, kql: str, *, start: datetime, end: datetime) -> LogRows:
        """Run a query over a window.

        Raises:
            TableMissing: it names a table that the workspace lacks.
            QueryInvalid: the service does not understand it.
            WorkspaceInvalid: the workspace id is no GUID.
        """
        from azure.core.exceptions import HttpResponseError

        if _GUID.fullmatch(workspace_id) is None:
            raise WorkspaceInvalid(f"{workspace_id[:80]!r} is no workspace id; expected a GUID")
        doing, last = f"asking workspace {workspace_id}", _LastResponse()
        async with azure_call(Outside.LOG_ANALYTICS_QUERY, doing, deadline_s=_DEADLINE_S):
            try:
                answer = await self._client().query_workspace(
                    workspace_id,
                    kql,
                    timespan=(start, end),
                    server_timeout=_SERVER_TIMEOUT_S,
                    raw_response_hook=last.keep,
                )
            except HttpResponseError as error:
                misunderstood = _misunderstood(doing, error)
                if misunderstood is None:
                    raise
                raise misunderstood from error
            except ValueError as error:
                if last.status == _NO_CONTENT:
                    return LogRows(())
                if last.status is None or last.status < _REFUSALS:
                    raise
                raise refused(doing, last.status, last.headers, "the answer is no JSON") from error
        return _rows(answer)

    def _client(self) -> Any:
        if self._made is None:
            from azure.monitor.query.aio import LogsQueryClient

            self._made = LogsQueryClient(
                self._credential,
                endpoint=self._endpoint,
                audience=self._audience,
                **(client_options() | self._options),
            )
        return self._made


class _LastResponse:
    """What the SDK does not say of an answer that it can't read."""

    status: int | None = None
    headers: Mapping[str, str] = {}

    def keep(self, response: Any) -> None:
        self.status, self.headers = response.http_response.status_code, response.http_response.headers


def _rows(answer: Any) -> LogRows:
    is_partial = hasattr(answer, "partial_error")
    tables = (answer.partial_data if is_partial else answer.tables) or ()
    rows = tuple(
        {
            name: None if kind in _NONE_AS_TEXT and cell == "None" else cell
            for name, kind, cell in zip(table.columns, table.columns_types, row, strict=True)
        }
        for table in tables[:1]
        for row in table.rows
    )
    return LogRows(rows, is_partial and not _only_lacks_tables(answer.partial_error))


def _only_lacks_tables(error: Any) -> bool:
    """Whether an answer is partial for nothing but tables that the workspace never had."""
    details = getattr(error, "details", None) or ()
    return bool(details) and all(_names_a_missing_table(_message(_innermost(detail))) for detail in details)


def _names_a_missing_table(said: str) -> bool:
    return _NO_TABLE.search(said) is not None or _NO_OPERAND in said


def _innermost(error: Mapping[str, Any]) -> Mapping[str, Any]:
    while isinstance(error.get("innererror"), dict):
        error = error["innererror"]
    return error


def _message(error: Mapping[str, Any]) -> str:
    return str(error.get("message", ""))[:500]


def _misunderstood(doing: str, error: Any) -> PermanentError | None:
    """The refusal of a query by its innermost words, None when something else was refused."""
    inner = getattr(error.error, "innererror", None)
    if getattr(error.error, "code", None) != "BadArgumentError" or not isinstance(inner, dict):
        return None
    inner = _innermost(inner)
    said = _message(inner)
    if _names_a_missing_table(said):
        missing = _NO_TABLE.search(said)
        return TableMissing(f"{doing}: no table {missing[1]}" if missing else f"{doing}: none of its tables is there")
    return QueryInvalid(f"{doing}: {inner.get('code')}: {said}")
