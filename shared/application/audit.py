"""Writing the audit trail: the intent before the change, so that a process that dies in between leaves a trace.

A change without its first entry is not made: when the storage is in trouble, the run ends before anything outside is
touched.
"""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import msgspec

from shared.application.audit_ports import AuditRows
from shared.application.ports import Clock
from shared.domain.audit import AuditEntry, Result
from shared.errors import CachewardenError, CallerError, PermanentError
from shared.telemetry import get_logger

POLICY = "policy"
"""Who asked when nobody did: the policy lets it be done."""

_MOST_DAYS = 366
_USUAL = timedelta(days=6)

_log = get_logger(__name__)


class DayInvalid(CallerError):
    """A day of the audit trail is asked for that is none."""

    code = "day_invalid"
    hint = "Write days as 2026-11-24, at most a year apart; left out, the last seven days are meant."


class Audit:
    """Keeps the trail and reads it."""

    def __init__(self, *, rows: AuditRows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    @asynccontextmanager
    async def change(  # noqa: PLR0913 - what an entry says, each by name
        self,
        kind: str,
        resource: str,
        *,
        by: str,
        why: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """Write down a change that the `with` block makes; the block's error goes on.

        Yields:
            `after`: what the block learns by making the change, such as the new thing's id, it adds there.

        Raises:
            TemporaryError: the first entry can't be written.
        """
        made = dict(after) if after is not None else {}
        begun = AuditEntry(
            change=uuid.uuid4().hex,
            at=self._clock.now(),
            by=by,
            why=why,
            kind=kind,
            resource=resource,
            before=dict(before) if before is not None else None,
            after=dict(made) if after is not None else None,
        )
        await self._rows.add(begun)
        try:
            yield made
        except CachewardenError as error:
            result = Result.REFUSED if isinstance(error, PermanentError) else Result.TROUBLE
            await self._end(begun, result, f"{error.code}: {error}"[:1000])
            raise
        done = msgspec.structs.replace(begun, after=made) if after is not None else begun
        await self._end(done, Result.DONE, None)

    async def entries(self, first: str | None, last: str | None) -> list[AuditEntry]:
        """The entries from one day to another, both included, in the order of their times.

        Raises:
            DayInvalid: one of them is no day, or they are more than a year apart.
        """
        today = self._clock.now().date()
        end = _day(last, today)
        start = _day(first, end - min(_USUAL, end - date.min))
        if not timedelta(0) <= end - start < timedelta(days=_MOST_DAYS):
            raise DayInvalid(f"from: {start} and to: {end} found, at most a year expected")
        days = (start + timedelta(days=number) for number in range((end - start).days + 1))
        return [entry for day in days async for entry in self._rows.of_day(day)]

    async def _end(self, begun: AuditEntry, result: Result, error: str | None) -> None:
        now = self._clock.now()
        ended = msgspec.structs.replace(
            begun, at=now, result=result, error=error, seconds=(now - begun.at).total_seconds()
        )
        try:
            await self._rows.add(ended)
        except CachewardenError as trouble:  # the change is made, and its beginning says so
            _log.error("audit.end_not_written", change=begun.change, result=result, code=trouble.code)


def _day(text: str | None, usual: date) -> date:
    if text is None:
        return usual
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DayInvalid(f"{text[:40]!r} found, a day expected") from error
