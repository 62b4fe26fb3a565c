"""The sweep: runs the chores that are due, one by one, on one instance at a time.

The timer fires on a single instance as a rule, and on two after a failover or when somebody calls it by hand. So each
chore has a lease of its own, and its last run is read again under it: two sweeps at once do each chore once. A chore
that fails is written down and keeps no other from its turn.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from shared.application.chores import Chore
from shared.application.leases import held
from shared.application.ports import Clock, Leases
from shared.application.sweep_ports import ChoreRun, ChoreRuns
from shared.errors import CachewardenError
from shared.telemetry import bind, get_logger
from shared.telemetry.instruments import CHORE_DURATION
from shared.telemetry.metrics import timed
from shared.telemetry.names import Work
from shared.telemetry.spans import working

_LONGEST_S = 240.0
"""A function run ends after ten minutes (host.json); a chore that takes longer than this takes it from the others."""
_LEASE_S = _LONGEST_S + 60
"""Longer than any chore runs: one whose lease can't be renewed has ended before another instance may begin."""
_BEGUN_WITHIN = timedelta(seconds=300)
"""What would begin later waits for the next minute: it could outlast the function, which ends its whole process."""
_NEVER = datetime.min.replace(tzinfo=UTC)

_log = get_logger(__name__)


class Swept(msgspec.Struct, frozen=True):
    """What a sweep did: the names of the chores that ran well, and of those that failed."""

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Sweep:
    """Runs what is due."""

    def __init__(self, *, chores: Sequence[Chore], runs: ChoreRuns, leases: Leases, clock: Clock) -> None:
        self._chores = tuple(chores)
        self._runs = runs
        self._leases = leases
        self._clock = clock

    async def run(self) -> Swept:
        """Run each chore that is due and that no other instance is at; errors of chores are recorded, never raised.

        Raises:
            TemporaryError: the storage does not say what is due.
        """
        done: list[str] = []
        failed: list[str] = []
        began = self._clock.now()
        for chore in await self._due():
            if self._clock.now() - began >= _BEGUN_WITHIN:
                break
            async with held(self._leases, f"chore-{chore.name}", _LEASE_S) as still_ours:
                if still_ours is None or not await self._is_due(chore):
                    continue
                (done if await self._do(chore) else failed).append(chore.name)
        return Swept(done=tuple(done), failed=tuple(failed))

    async def _due(self) -> list[Chore]:
        """What is due, the longest waiting first: one that takes as long as its turn keeps no other from its own."""
        lasts = [(chore, await self._runs.last(chore.name)) for chore in self._chores]
        due = [(last.started_at if last else _NEVER, chore) for chore, last in lasts if self._is_turn(chore, last)]
        return [chore for _, chore in sorted(due, key=lambda waiting: waiting[0])]

    async def _is_due(self, chore: Chore) -> bool:
        return self._is_turn(chore, await self._runs.last(chore.name))

    def _is_turn(self, chore: Chore, last: ChoreRun | None) -> bool:
        """Whether its turn has come; a run that began further ahead than that is one of a clock that was wrong."""
        return last is None or abs(self._clock.now() - last.started_at) >= timedelta(seconds=chore.every_s)

    async def _do(self, chore: Chore) -> bool:
        run = ChoreRun(chore=chore.name, started_at=self._clock.now())
        await self._runs.record(run)
        error = None
        with bind(chore=chore.name):
            try:
                with working(Work.CHORE), timed(CHORE_DURATION, chore=chore.name):
                    async with asyncio.timeout(_LONGEST_S):
                        await chore.run()
            except CachewardenError as trouble:
                error = f"{trouble.code}: {trouble}"
                _log.warning("chore.failed", code=trouble.code, text=str(trouble))
            except Exception as defect:  # noqa: BLE001 - a defect in one chore must not keep the others from running
                error = f"internal: {type(defect).__name__}"
                _log.exception("chore.broken")
            else:
                _log.info("chore.done")
        await self._runs.record(msgspec.structs.replace(run, finished_at=self._clock.now(), error=error))
        return error is None
