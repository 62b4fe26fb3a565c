"""Holding a lease while working: renewed in the background, checked before each write."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from shared.application.ports import Lease, Leases
from shared.errors import CachewardenError, TemporaryError
from shared.telemetry import get_logger

_log = get_logger(__name__)


class LeaseLost(TemporaryError):
    """Somebody else may be working on it by now; whoever notices stops at once and writes nothing more."""

    code = "lease_lost"


@asynccontextmanager
async def held(leases: Leases, name: str, seconds: float) -> AsyncIterator[Callable[[], None] | None]:
    """Hold a lease for the length of a `with` block.

    Yields:
        A check that raises `LeaseLost` once the lease is no longer ours; None when somebody else holds it.
    """
    asked_at = asyncio.get_running_loop().time()  # others count from no later: a worker may be paused until the answer
    lease = await leases.acquire(name, uuid.uuid4().hex, seconds)
    if lease is None:
        yield None
        return
    keeper = _Keeper(leases, lease, seconds, ends=asked_at + seconds)
    renewing = asyncio.create_task(keeper.renew_forever())
    try:
        yield keeper.check
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await keeper.release()


class _Keeper:
    def __init__(self, leases: Leases, lease: Lease, seconds: float, *, ends: float) -> None:
        self._leases = leases
        self._lease = lease
        self._seconds = seconds
        self._ends = ends
        self._lost = False

    def check(self) -> None:
        """Raises LeaseLost when the lease was lost or has run out by this machine's own clock."""
        if self._lost or asyncio.get_running_loop().time() >= self._ends:
            raise LeaseLost(f"the lease {self._lease.name} is no longer ours")

    async def renew_forever(self) -> None:
        """Renews at a third of the lease's length; trouble is tolerated until the lease runs out."""
        loop = asyncio.get_running_loop()
        while not self._lost:
            await asyncio.sleep(self._seconds / 3)
            asked_at = loop.time()
            try:
                self._lease = await self._leases.renew(self._lease, self._seconds)
                self._ends = asked_at + self._seconds
            except CachewardenError as error:
                _log.warning("lease.not_renewed", lease=self._lease.name, code=error.code)
                self._lost = error.code == "changed"

    async def release(self) -> None:
        """Gives it back; a lease that can't be given back runs out by itself."""
        if self._lost:
            return
        try:
            await self._leases.release(self._lease)
        except CachewardenError as error:
            _log.warning("lease.not_released", lease=self._lease.name, code=error.code)
