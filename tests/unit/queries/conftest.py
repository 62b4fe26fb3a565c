"""A workspace on the engine of the sandbox: the queries that go to Azure run here, on rows with known answers."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.logs.models import Workspace
from sandbox.logs.timespans import Interval
from shared.domain.failures import PullFailure
from shared.queries import LogSource, read_failures

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


class Asked:
    """A workspace, and what our sources find in it."""

    def __init__(self) -> None:
        self._workspace = Workspace("11111111-1111-1111-1111-111111111111", "/subscriptions/s/x", clock=lambda: NOW)

    def add(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Append rows; each is five minutes old unless it says otherwise."""
        self._workspace.append(table, [{"TimeGenerated": minutes_ago(5)} | dict(row) for row in rows])

    async def rows(self, source: LogSource, *, last: timedelta = timedelta(hours=1)) -> list[dict[str, Any]]:
        """The rows of one source's query over a window, as the client hands them out."""
        answer = await self._workspace.query(source.query, Interval(NOW - last, NOW))
        kinds = dict(answer.columns)
        named = (dict(zip(kinds, row, strict=True)) for row in answer.rows)
        return [{name: _cell(value, kinds[name]) for name, value in row.items()} for row in named]

    async def failures(self, *sources: LogSource) -> list[PullFailure]:
        """The failures that the sources find together."""
        return read_failures({source.name: await self.rows(source) for source in sources})

    def close(self) -> None:
        """Give the engine up."""
        self._workspace.close()


def minutes_ago(minutes: float) -> datetime:
    """A moment before the workspace's clock."""
    return NOW - timedelta(minutes=minutes)


def _cell(value: Any, kind: str) -> Any:
    """azure-monitor-query makes datetimes of datetime cells and nothing of any other."""
    return datetime.fromisoformat(value) if kind == "datetime" and value is not None else value


@pytest.fixture
def asked() -> Iterator[Asked]:
    """An empty workspace."""
    workspace = Asked()
    yield workspace
    workspace.close()
