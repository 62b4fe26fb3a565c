"""What a credential can do: found out before it matters, so that people hear of a closed way before a token ends.

It is looked at in the first sweep of a process, and then now and then; but Docker Hub is asked only when something that
matters is new: the owner's secret has another version, the policy or the app changed, or a day has passed. So restarts
ask nothing, and a password that was refused is never tried a second time.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.application.custody import Custody, OwnerSecret
from shared.application.notification import Notification
from shared.application.ports import Clock
from shared.application.remembering import rewrite, watch_of
from shared.application.rotation_ports import (
    CannotMint,
    DockerHub,
    LoginRefused,
    NoFreeSlot,
    Rotations,
    Watch,
)
from shared.domain.credential_notices import trouble
from shared.domain.policy import Policy
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.rotation_notices import steps_for_a_person
from shared.domain.token_slots import may_be_full
from shared.errors import CachewardenError
from shared.telemetry import get_logger
from shared.version import VERSION

_log = get_logger(__name__)

_ASK_AGAIN: Final = timedelta(days=1)
_LOOK_AGAIN: Final = timedelta(minutes=5)


class CapabilityCheck:
    """Logs in as each owner and lists the tokens, when something is new; it is a `Chore`."""

    name = "capabilities"
    every_s = 60.0

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
        self._looked_at: dict[str, datetime] = {}
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Look at every credential whose tokens are minted here: at once in a new process, then every few minutes."""
        now = self._clock.now()
        for name, credential in self._policy.credentials.items():
            looked_at = self._looked_at.get(name)
            if credential.provider is Provider.ASSISTED or (looked_at and now - looked_at < _LOOK_AGAIN):
                continue
            try:
                await self._look(name, credential, now)
            except CachewardenError as error:
                _log.warning("credential.not_checked", credential=name, code=error.code, error=str(error))
            else:
                self._looked_at[name] = now

    async def _look(self, name: str, credential: Credential, now: datetime) -> None:
        found, cannot = await self._owner(credential)
        version = found.version if found is not None else ""
        watch, fingerprint = await watch_of(self._rotations, name), _fingerprint(credential, version)
        known = watch.checked == fingerprint and watch.checked_at and now - watch.checked_at < _ASK_AGAIN
        if known or (version and watch.refused_owner == version):
            if watch.cannot and watch.checked == fingerprint and self._told.get(name) != fingerprint:
                await self._tell(name, credential, watch.cannot, fingerprint)  # who found it out may have died before
            return
        if found is not None:
            cannot = await self._ask(name, credential, found)
        await self._remember(name, version, fingerprint, cannot, watch)
        if cannot is not None:
            await self._tell(name, credential, cannot.code, fingerprint)

    async def _owner(self, credential: Credential) -> tuple[OwnerSecret | None, CannotMint | None]:
        try:
            return await self._custody.owner(credential), None
        except LoginRefused as error:
            return None, error

    async def _remember(
        self, name: str, version: str, fingerprint: str, cannot: CannotMint | None, before: Watch
    ) -> None:
        code, now = cannot.code if cannot is not None else "", self._clock.now()

        def learned(watch: Watch) -> Watch:
            seen = msgspec.structs.replace(watch, checked=fingerprint, checked_at=now, cannot=code)
            if isinstance(cannot, LoginRefused):
                return msgspec.structs.replace(seen, refused_owner=version, why=code)
            if watch.refused_owner != before.refused_owner:  # of a login that was tried after ours
                return seen
            return msgspec.structs.replace(seen, refused_owner="", why="")

        await rewrite(self._rotations, name, learned)
        _log.info("credential.checked", credential=name, cannot=code or None)

    async def _ask(self, name: str, credential: Credential, found: OwnerSecret) -> CannotMint | None:
        """What keeps Docker Hub from minting, None when nothing is known to; asks it once."""
        try:
            tokens = await self._hub.tokens(found.owner)
        except CannotMint as error:
            return error
        _log.info("credential.can_mint", credential=name, tokens=len(tokens))
        if credential.provider is Provider.ORGANIZATION and may_be_full(len(tokens), credential.plan):
            return NoFreeSlot(f"the organization holds {len(tokens)} tokens, as many as a plan allows")
        return None

    async def _tell(self, name: str, credential: Credential, code: str, told: str) -> None:
        summary = f"the credential {name} can't be renewed without a person"
        detail = steps_for_a_person(credential, code)
        notice = trouble(name, self._clock.now(), code=code, told=told, summary=summary, detail=detail)
        await self._notification.tell(notice)
        self._told[name] = told


def _fingerprint(credential: Credential, version: str) -> str:
    """What the answer hangs on, as far as it can be seen from here."""
    parts = (VERSION, version, credential.provider, credential.organization, credential.plan, credential.secret_ids)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]
