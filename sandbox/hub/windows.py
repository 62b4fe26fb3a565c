"""Limits of so many in so many seconds, counted per source: pulls, API calls, logins, requests of any kind.

Docker Hub documents the numbers, not how it counts. Here each use is forgotten when it is as old as the window is
long, so a source that has used up its limit gets its uses back one by one, as it spent them.
"""

from collections import deque

import msgspec

from sandbox.frame.service import Clock, system_clock


class Limit(msgspec.Struct, frozen=True):
    """At most `count` uses in any `seconds` seconds."""

    count: int
    seconds: int


class Windows:
    """The uses of every source within a limit, which may be changed at any time.

    Attributes:
        limit: the limit, None for no limit.
    """

    def __init__(self, limit: Limit | None, *, clock: Clock = system_clock) -> None:
        self.limit = limit
        self._clock = clock
        self._uses: dict[str, deque[float]] = {}

    def used(self, source: str) -> int:
        """How many uses of the source count now."""
        return len(self._recent(source))

    def remaining(self, source: str) -> int:
        """How many uses the source has left; 0 without a limit makes no sense and raises ValueError."""
        if self.limit is None:
            raise ValueError("there is no limit")
        return max(self.limit.count - self.used(source), 0)

    def spend(self, source: str) -> bool:
        """Count a use; False, and nothing counted, when none is left."""
        if self.limit is not None and not self.remaining(source):
            return False
        self._recent(source).append(self._clock().timestamp())
        return True

    def exhaust(self, source: str) -> None:
        """Use up what the source has left."""
        while self.limit is not None and self.spend(source):
            pass

    def reset(self, source: str) -> None:
        """Forget the source's uses."""
        self._uses.pop(source, None)

    def resets_at(self, source: str) -> float:
        """When the source's oldest use is forgotten, in Unix time; now when it has none."""
        uses = self._recent(source)
        seconds = self.limit.seconds if self.limit is not None else 0
        return uses[0] + seconds if uses else self._clock().timestamp()

    def _recent(self, source: str) -> deque[float]:
        uses = self._uses.setdefault(source, deque())
        since = self._clock().timestamp() - (self.limit.seconds if self.limit is not None else 0)
        while uses and uses[0] <= since:
            uses.popleft()
        return uses
