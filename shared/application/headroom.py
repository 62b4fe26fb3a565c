"""Headroom: looks at Docker Hub's pull limit now and then, keeps what it saw, and warns before the first 429.

A look is a HEAD, which costs no pull (documented), but every request counts towards the abuse limit and every refused
login towards the lock of the name: so there are at most six looks an hour, and none with a login that was refused.
"""

from datetime import timedelta
from typing import Final

import msgspec

from shared.application.custody import Custody
from shared.application.notification import Notification
from shared.application.ports import Clock
from shared.application.remembering import remember, watch_of
from shared.application.rotation_ports import CredentialRejected, DockerHub, HubUnavailable, Rotations, Samples
from shared.domain.headroom import Level, Outlook, Reading, outlook
from shared.domain.policy import Policy
from shared.domain.rotation_notices import headroom_notice
from shared.errors import CachewardenError
from shared.telemetry import get_logger
from shared.telemetry.instruments import HEADROOM
from shared.telemetry.metrics import observe

_log = get_logger(__name__)

ANONYMOUS: Final = "anonymous"
_LOOKS_A_RUN: Final = 2
_WINDOW: Final = timedelta(hours=6)


class WindowReport(msgspec.Struct, frozen=True):
    """What is known of one window: whose it is, the newest reading, and the outlook."""

    window: str
    reading: Reading
    level: Level
    empty_at: str | None = None


class Headroom:
    """Readings of the pull limit: the app's own address's, and each Docker Hub account's; it is a `Chore`."""

    name = "headroom"
    every_s = 1320.0
    """A third of an hour and two minutes: of four runs the first may look when it ends, minutes after it began, and the
    last at once, and yet no hour, wherever it begins, has the looks of all four."""

    def __init__(  # noqa: PLR0913 - the ports and parts that it works with, each by name
        self,
        *,
        policy: Policy,
        hub: DockerHub,
        custody: Custody,
        rotations: Rotations,
        samples: Samples,
        notification: Notification,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._hub = hub
        self._custody = custody
        self._rotations = rotations
        self._samples = samples
        self._notification = notification
        self._clock = clock

    async def run(self) -> None:
        """Look at the two windows that were looked at the longest ago."""
        seen = {}
        for window in self.windows():
            readings = await self._samples.recent(window, self._clock.now() - _WINDOW)
            seen[window] = readings[-1].at.timestamp() if readings else 0.0
        for window in sorted(seen, key=lambda window: seen[window])[:_LOOKS_A_RUN]:
            try:
                await self._look(window)
            except HubUnavailable as error:
                _log.warning("headroom.unknown", window=window, code=error.code)
                return  # whatever it is, another request now makes it worse
            except CachewardenError as error:
                _log.warning("headroom.unknown", window=window, code=error.code)

    async def report(self, window: str) -> WindowReport | None:
        """The newest reading of a window and its outlook, None when there is none within six hours."""
        readings, seen = await self.history(window)
        if not readings:
            return None
        return WindowReport(window, readings[-1], seen.level, seen.empty_at.isoformat() if seen.empty_at else None)

    async def history(self, window: str) -> tuple[tuple[Reading, ...], Outlook]:
        """The readings of the last six hours, the oldest first, and what they say."""
        readings = await self._samples.recent(window, self._clock.now() - _WINDOW)
        return readings, outlook(readings)

    def windows(self) -> list[str]:
        """The windows that are watched: `anonymous`, and the names of credentials."""
        names = {rules.credential for host, rules in self._policy.upstreams.items() if host == "docker.io"}
        return [ANONYMOUS, *sorted(name for name in names if name in self._policy.credentials)]

    async def _look(self, window: str) -> None:
        reading = await (self._anonymous() if window == ANONYMOUS else self._as_account(window))
        if reading is None:
            return
        await self._samples.add(window, reading)
        seen = outlook(await self._samples.recent(window, self._clock.now() - _WINDOW))
        if reading.remaining is not None:
            observe(HEADROOM, reading.remaining, credential=window)
        _log.info("headroom.read", window=window, remaining=reading.remaining, level=seen.level)
        if notice := headroom_notice(window, reading, seen):
            await self._notification.tell(notice)

    async def _anonymous(self) -> Reading:
        return msgspec.structs.replace(await self._hub.probe(None), at=self._clock.now())

    async def _as_account(self, credential: str) -> Reading | None:
        """A reading with a credential's login, None while that may be refused; what came of it is remembered."""
        running, watch = await self._rotations.latest(credential), await watch_of(self._rotations, credential)
        if running is not None and not running.value.settled and running.value.adopted_at is None:
            return None
        live, now = await self._custody.live(self._policy.credentials[credential]), self._clock.now()
        if watch.rejected == live.version:
            return None
        try:
            reading = msgspec.structs.replace(await self._hub.probe(live.login), at=now)
        except CredentialRejected:
            await remember(self._rotations, credential, rejected=live.version, accepted="")
            raise
        await remember(self._rotations, credential, rejected="", accepted=live.version, tested_at=now)
        return reading
