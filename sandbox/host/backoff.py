"""How long a queue listener waits between two polls of an empty queue.

Source: azure-sdk-for-net, RandomizedExponentialBackoffStrategy.cs with QueuePollingIntervals.cs.
"""

import random
from datetime import timedelta

_SHORTEST = timedelta(milliseconds=100)
_EXPONENTS = 20  # 2**20 * 100 ms is beyond any polling interval


class PollingBackoff:
    """Grows from 100 ms to the longest interval by powers of two, each with a jitter of 20 %."""

    def __init__(self, longest: timedelta) -> None:
        self._longest = longest
        self._exponent = 0

    def reset(self) -> None:
        """Start again at the shortest interval: a message was found."""
        self._exponent = 0

    def next(self) -> timedelta:
        """The next interval: the shortest first, then longer ones."""
        exponent, self._exponent = self._exponent, min(self._exponent + 1, _EXPONENTS)
        if exponent == 0:
            return min(_SHORTEST, self._longest)
        growth: float = 2 ** (exponent - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
        return min(self._longest, _SHORTEST + _SHORTEST * growth)
