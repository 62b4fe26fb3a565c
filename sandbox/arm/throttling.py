"""ARM's token buckets: how many requests a principal may make in a subscription.

Sizes and refill rates are documented: reads 250 and 25 a second, writes and deletes 200 and 10 a second each.
"""

import math
from enum import StrEnum
from typing import Final

import msgspec

from sandbox.arm.refusals import Throttled
from sandbox.frame.service import Clock, system_clock


class RequestKind(StrEnum):
    """What a request counts as, in ARM's words."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"


class Limit(msgspec.Struct, frozen=True):
    """A bucket's size, and how many tokens come back each second."""

    size: float
    refill: float


LIMITS: Final = {
    RequestKind.READ: Limit(250, 25),
    RequestKind.WRITE: Limit(200, 10),
    RequestKind.DELETE: Limit(200, 10),
}


class _Bucket(msgspec.Struct):
    tokens: float
    at: float


class Throttle:
    """One bucket for each principal, subscription and kind of request; `limits` may be changed at any time."""

    def __init__(self, *, clock: Clock = system_clock) -> None:
        self.limits = dict(LIMITS)
        self._clock = clock
        self._buckets: dict[tuple[str, str, RequestKind], _Bucket] = {}

    def take(self, principal_id: str, subscription: str, kind: RequestKind) -> int:
        """Take a token and return how many are left.

        Raises:
            Throttled: there is none; `Retry-After` says in how many whole seconds there will be one.
        """
        limit, now = self.limits[kind], self._clock().timestamp()
        bucket = self._buckets.setdefault((principal_id, subscription, kind), _Bucket(limit.size, now))
        bucket.tokens = min(limit.size, bucket.tokens + max(0.0, now - bucket.at) * limit.refill)
        bucket.at = now
        if bucket.tokens < 1:
            wait = max(1, math.ceil((1 - bucket.tokens) / limit.refill))
            raise Throttled(
                headers={"Retry-After": str(wait)},
                kind=kind.value,
                subscription=subscription,
                limit=int(limit.size),
                interval="00:00:01",
                wait=wait,
            )
        bucket.tokens -= 1
        return int(bucket.tokens)
