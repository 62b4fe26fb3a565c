"""Readings of the logs: which pulls failed in a workspace, read once for all alerts of a storm.

Hundreds of clusters behind one limit mean hundreds of alerts a minute about the same rows, and Log Analytics refuses a
caller who asks for each of them (200 queries in 30 s, documented). An alert is content with any reading that was begun
after it fired: its rows had been ingested by then, or it could not have fired.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.application.log_ports import Logs, TableMissing
from shared.application.ports import Clock
from shared.domain.failures import PullFailure
from shared.errors import PermanentError
from shared.queries import LogSource, read_failures, sources
from shared.telemetry import get_logger

SHARED_FOR = timedelta(seconds=30)
"""How old a reading may be that an alert is content with."""

_GRID_S = 900
"""Windows begin at whole quarters of an hour, so that alerts of one storm ask for the same one."""

_QUERIES_AT_ONCE = 4
"""Log Analytics runs five queries of one caller at a time and queues the rest (documented)."""

_log = get_logger(__name__)


class Reading(msgspec.Struct, frozen=True):
    """What a workspace showed.

    Attributes:
        start: where its window begins.
        end: when it was begun.
        failures: the failed pulls.
        unread: the names of the sources that refused, or answered in part.
    """

    start: datetime
    end: datetime
    failures: tuple[PullFailure, ...]
    unread: tuple[str, ...] = ()


class Readings:
    """Reads the workspaces' failed pulls."""

    def __init__(self, *, logs: Logs, clock: Clock, audit_log: bool = False) -> None:
        self._logs = logs
        self._sources = sources(audit_log=audit_log)
        self._clock = clock
        self._latest: dict[str, Reading] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, workspace: str, *, since: datetime, as_of: datetime) -> Reading:
        """A reading of the failed pulls since a time that was begun at `as_of` or later.

        Raises:
            TemporaryError: the logs are in trouble.
            PermanentError: the workspace refuses every query.
        """
        async with self._turns[workspace]:
            now, latest = self._clock.now(), self._latest.get(workspace)
            if latest is None or latest.start > since or latest.end < as_of or now - latest.end > SHARED_FOR:
                start = datetime.fromtimestamp(since.timestamp() // _GRID_S * _GRID_S, tz=since.tzinfo)
                latest = self._latest[workspace] = await self._read(workspace, start, now)
            return latest

    async def _read(self, workspace: str, start: datetime, end: datetime) -> Reading:
        unread: dict[str, None] = {}
        gate = asyncio.Semaphore(_QUERIES_AT_ONCE)

        async def rows_of(source: LogSource) -> Sequence[Mapping[str, Any]] | PermanentError:
            async with gate:
                try:
                    answer = await self._logs.query(workspace, source.query, start=start, end=end)
                except TableMissing:
                    return ()
                except PermanentError as error:
                    _log.error("logs.refused", source=source.name, code=error.code, text=str(error))
                    unread[source.name] = None
                    return error
            if answer.partial:
                _log.warning("logs.partial", source=source.name)
                unread[source.name] = None
            return answer.rows

        found = dict(
            zip(self._sources, await asyncio.gather(*(rows_of(source) for source in self._sources)), strict=True)
        )
        refusals = [rows for rows in found.values() if isinstance(rows, PermanentError)]
        if len(refusals) == len(self._sources):
            raise refusals[0]
        answered = {source.name: rows for source, rows in found.items() if not isinstance(rows, PermanentError)}
        return Reading(start, end, tuple(read_failures(answered)), tuple(sorted(unread)))
