"""Retention: what nobody needs any more is forgotten, by age.

Leases are here because a worker that is killed leaves its lease behind; an expired one keeps nobody out, so it is only
swept up.
"""

from datetime import timedelta

import msgspec

from shared.application.ports import Clock
from shared.application.sessions import LIFETIME
from shared.application.sweep_ports import Archive, Kept
from shared.errors import PermanentError
from shared.telemetry import get_logger

_MOST_AT_ONCE = 1000
"""Rows of one kind and run: the rest comes with the next run."""

_LEASES = timedelta(hours=1)
"""Six times the longest lease that the settings admit."""

_log = get_logger(__name__)


class Retention(msgspec.Struct, frozen=True):
    """How long what is kept, counted from its last change."""

    incidents: timedelta = timedelta(days=365)
    deliveries: timedelta = timedelta(days=30)
    notices: timedelta = timedelta(days=90)
    dead_letters: timedelta = timedelta(days=90)
    audit: timedelta = timedelta(days=730)
    rotations: timedelta = timedelta(days=730)
    headroom: timedelta = timedelta(days=30)

    def ages(self) -> dict[Kept, timedelta]:
        """The age at which each kind is forgotten."""
        return {
            Kept.INCIDENTS: self.incidents,
            Kept.DELIVERIES: self.deliveries,
            Kept.PAYLOADS: self.deliveries,
            Kept.NOTICES: self.notices,
            Kept.LEASES: _LEASES,
            Kept.DEAD_LETTERS: self.dead_letters,
            Kept.DRIFT: self.deliveries,
            Kept.AUDIT: self.audit,
            Kept.SESSIONS: LIFETIME,
            Kept.ROTATIONS: self.rotations,
            Kept.HEADROOM: self.headroom,
        }


class Pruning:
    """The chore that forgets."""

    name = "retention"
    every_s = 3600.0

    def __init__(self, *, archive: Archive, retention: Retention, clock: Clock) -> None:
        self._archive = archive
        self._retention = retention
        self._clock = clock

    async def run(self) -> None:
        """Forget what is older than its age.

        Raises:
            TemporaryError: the storage is in trouble.
            PermanentError: the storage refuses to forget one kind, or a record of it; the others were pruned.
        """
        refusal: PermanentError | None = None
        for what, age in self._retention.ages().items():
            try:
                pruned = await self._archive.prune(what, self._clock.now() - age, _MOST_AT_ONCE)
            except PermanentError as error:
                _log.error("retention.refused", what=what, code=error.code, text=str(error))
                refusal = error
            else:
                if pruned:
                    _log.info("retention.pruned", what=what, count=pruned)
        if refusal is not None:
            raise refusal
