"""A channel's circuit: after some failures in a row it is left alone for a while, and then tried with one notice.

Without it a dead channel is called for every notice, and a channel that asks for patience is called on.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

_FAILURES_THAT_OPEN: Final = 3
_FIRST_REST: Final = 30.0
_LONGEST_REST: Final = 900.0
_PROBE: Final = timedelta(seconds=60)


class Circuit(msgspec.Struct, frozen=True):
    """How a channel has been lately.

    Attributes:
        failures: how often in a row it was in trouble.
        rests_until: until when it is left alone; None while it is not.
        error: what it last said, None while it works.
    """

    failures: int = 0
    rests_until: datetime | None = None
    error: str | None = None

    def rest(self, now: datetime) -> float:
        """Seconds for which the channel is left alone."""
        return 0.0 if self.rests_until is None else max((self.rests_until - now).total_seconds(), 0.0)

    @property
    def is_tried(self) -> bool:
        """Whether the next notice is a try, which one worker makes while the others wait."""
        return self.rests_until is not None

    def claimed(self, now: datetime) -> "Circuit":
        """The circuit while one worker tries the channel."""
        return msgspec.structs.replace(self, rests_until=now + _PROBE)

    def failed(self, now: datetime, error: str, retry_after: float | None) -> "Circuit":
        """The circuit after trouble; `retry_after` is the wait in seconds that the channel asks for."""
        failures = self.failures + 1
        rest = retry_after
        if rest is None and failures >= _FAILURES_THAT_OPEN:
            rest = min(_FIRST_REST * 2 ** min(failures - _FAILURES_THAT_OPEN, 10), _LONGEST_REST)
        return Circuit(failures, None if rest is None else now + timedelta(seconds=rest), error)
