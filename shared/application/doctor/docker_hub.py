"""Docker Hub's verdict on a credential: from memory in the running app, which anybody may ask; else by a look.

Each look counts towards Docker Hub's abuse limit, and each refused one towards the lock of the name. The sweep looks
six times an hour at most and remembers what it saw, so a page that is reloaded, or a probe, costs no look of its own.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.application.custody import Pair
from shared.application.ports import Clock
from shared.application.remembering import remember, watch_of
from shared.application.rotation_ports import CredentialRejected, DockerHub, HubUnavailable, Rotations, Samples
from shared.domain.headroom import Reading

_FRESH: Final = timedelta(hours=2)
"""How long a reading says how a token is; the sweep looks at each of a few windows more often."""

_QUIET: Final = timedelta(minutes=20)
"""How long Docker Hub is left alone when it did not answer: another request makes that worse."""


class Verdicts:
    """What Docker Hub says to the pair of a credential."""

    def __init__(
        self, *, hub: DockerHub, rotations: Rotations, samples: Samples, clock: Clock, from_memory: bool
    ) -> None:
        self._hub = hub
        self._rotations = rotations
        self._samples = samples
        self._clock = clock
        self._from_memory = from_memory
        self._silent: dict[str, tuple[datetime, HubUnavailable]] = {}

    async def of(self, credential: str, pair: Pair) -> Reading:
        """The pull limit as Docker Hub showed it to the pair.

        Raises:
            CredentialRejected: it refuses the pair, or has refused it.
            HubUnavailable: it does not answer, or did not a moment ago.
        """
        if not self._from_memory:
            return await self._hub.probe(pair.login)
        watch, now = await watch_of(self._rotations, credential), self._clock.now()
        if watch.rejected == pair.version:
            raise CredentialRejected("Docker Hub has refused this pair")
        readings = await self._samples.recent(credential, now - _FRESH)
        if readings and watch.accepted == pair.version:
            return readings[-1]
        asked_at, silence = self._silent.get(credential, (None, None))
        if asked_at is not None and silence is not None and now - asked_at < _QUIET:
            raise silence
        return await self._look(credential, pair, now)

    async def _look(self, credential: str, pair: Pair, now: datetime) -> Reading:
        """A look, remembered as the sweep's looks are."""
        try:
            reading = msgspec.structs.replace(await self._hub.probe(pair.login), at=now)
        except CredentialRejected:
            await remember(self._rotations, credential, rejected=pair.version, accepted="")
            raise
        except HubUnavailable as error:
            self._silent[credential] = now, error
            raise
        await self._samples.add(credential, reading)
        await remember(self._rotations, credential, rejected="", accepted=pair.version, tested_at=now)
        return reading
