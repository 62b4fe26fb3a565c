"""What the sweep needs of the outside: when each chore last ran, and a way to forget what is old."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec


class ChoreRun(msgspec.Struct, frozen=True):
    """The last run of a chore.

    Attributes:
        chore: its name.
        started_at: when it began; the next run is due `every_s` after that.
        finished_at: when it ended, None while it runs and when its process died.
        error: `code: text` of what went wrong, None when nothing did.
    """

    chore: str
    started_at: datetime
    finished_at: datetime | None = None
    error: str | None = None


class ChoreRuns(Protocol):
    """The last run of each chore, shared by all instances."""

    async def last(self, chore: str) -> ChoreRun | None:
        """The last run, None when there was none."""

    async def record(self, run: ChoreRun) -> None:
        """Keep a run in the place of the last one."""


class Kept(StrEnum):
    """What is kept for a time and then forgotten."""

    INCIDENTS = "incidents"
    DELIVERIES = "deliveries"
    PAYLOADS = "payloads"
    NOTICES = "notices"
    LEASES = "leases"
    DEAD_LETTERS = "dead_letters"
    DRIFT = "drift"
    AUDIT = "audit"
    SESSIONS = "sessions"
    ROTATIONS = "rotations"
    HEADROOM = "headroom"


class Archive(Protocol):
    """Everything that is kept, by the time of its last change."""

    async def prune(self, what: Kept, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were.

        Of the incidents only those that are settled, of a credential's rotations never the newest, whose number the
        next one continues; a record that is changed meanwhile stays.

        Raises:
            TemporaryError: the storage is in trouble.
            PermanentError: it refuses the kind, or some of the records; the others are gone.
        """
