"""Log Analytics, as the use cases query it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from shared.errors import PermanentError


class LogRows(msgspec.Struct, frozen=True):
    """The rows of one query.

    Attributes:
        rows: column name → value; datetimes aware, `None` where the cell is null.
        partial: the service says that some are missing.
    """

    rows: Sequence[Mapping[str, Any]]
    partial: bool = False


class TableMissing(PermanentError):
    """A workspace has no such table; a source is then skipped."""

    code = "table_missing"


class Logs(Protocol):
    """Log Analytics."""

    async def query(self, workspace_id: str, kql: str, *, start: datetime, end: datetime) -> LogRows:
        """Run a query over a window; raises `TableMissing` when it names a table that the workspace lacks."""
