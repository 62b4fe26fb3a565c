"""What a credential can do: found out before it matters, so that people hear of a closed way before a token ends."""

from typing import Final

import msgspec

from shared.application.custody import Custody
from shared.application.notification import Notification
from shared.application.ports import Clock
from shared.application.rotation_ports import DockerHub, LoginRefused, MintingForbidden, Rotations
from shared.domain.policy import Credential, Policy, Provider
from shared.domain.rotation_notices import steps_for_a_person, trouble
from shared.errors import CachewardenError
from shared.telemetry import get_logger

_log = get_logger(__name__)

_TEAM_SLOTS: Final = 10
"""An organization's tokens that a Team has room for, expired ones included (documented)."""


class CapabilityCheck:
    """Logs in as each owner and lists the tokens, once a day; it is a `Chore`."""

    name = "capabilities"
    every_s = 86_400.0

    def __init__(  # noqa: PLR0913 - the ports and parts that it works with, each by name
        self,
        *,
        policy: Policy,
        hub: DockerHub,
        custody: Custody,
        rotations: Rotations,
        notification: Notification,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._hub = hub
        self._custody = custody
        self._rotations = rotations
        self._notification = notification
        self._clock = clock

    async def run(self) -> None:
        """Look at every credential whose tokens are minted here."""
        for name, credential in self._policy.credentials.items():
            if credential.provider is Provider.ASSISTED:
                continue
            try:
                await self._check(name, credential)
            except CachewardenError as error:
                _log.warning("credential.not_checked", credential=name, code=error.code, error=str(error))

    async def _check(self, name: str, credential: Credential) -> None:
        watch, version = await self._rotations.watch(name), ""
        try:
            found = await self._custody.owner(credential)
            version = found.version
            if watch.refused_owner == version:
                return
            tokens = await self._hub.tokens(found.owner)
        except LoginRefused as error:
            if version:
                remembered = msgspec.structs.replace(watch, refused_owner=version, why=error.code)
                await self._rotations.remember(name, remembered)
            await self._tell(name, credential, error.code, version)
            return
        except MintingForbidden as error:
            await self._tell(name, credential, error.code, version)
            return
        if watch.refused_owner:
            await self._rotations.remember(name, msgspec.structs.replace(watch, refused_owner="", why=""))
        _log.info("credential.can_mint", credential=name, tokens=len(tokens))
        if credential.provider is Provider.ORGANIZATION and len(tokens) == _TEAM_SLOTS:
            await self._tell(name, credential, "no_free_slot", len(tokens))

    async def _tell(self, name: str, credential: Credential, code: str, told: object) -> None:
        summary = f"the credential {name} can't be renewed without a person"
        detail = steps_for_a_person(credential, code)
        notice = trouble(name, self._clock.now(), code=code, told=told, summary=summary, detail=detail)
        await self._notification.tell(notice)
