"""The steps of a rotation: each looks at what is there, does what is missing, and answers with the next record.

A step may be repeated after a crash at any point, by another worker too, because it asks Docker Hub and Key Vault what
was done already: a token of this rotation's label whose text is not staged is lost and deleted, and a version that
carries the rotation's id is not written twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from shared.application.adoption import Adoption, NotAdopted
from shared.application.custody import Custody, Pair, is_written_by
from shared.application.ports import Clock
from shared.application.publication import Publication
from shared.application.rotation_creating import Creating
from shared.application.rotation_endings import Check, Endings
from shared.application.rotation_ports import (
    CredentialRejected,
    DockerHub,
    Login,
    Rotations,
)
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.rotation import (
    TAG_TOKEN,
    Rotation,
    RotationState,
    next_secret,
    note,
    step,
)

S = RotationState
ADOPTION_POLL: Final = timedelta(seconds=15)

type Step = Callable[[Credential, Rotation, Check], Awaitable[Rotation]]


class Steps:
    """What is done in each state; the same record back means that there is nothing to do yet."""

    def __init__(  # noqa: PLR0913 - the ports and parts that the steps work with, each by name
        self,
        *,
        hub: DockerHub,
        custody: Custody,
        publication: Publication,
        adoption: Adoption,
        rotations: Rotations,
        clock: Clock,
        adoption_patience: timedelta,
    ) -> None:
        self._custody = custody
        self._publication = publication
        self._adoption = adoption
        self._clock = clock
        self._patience = adoption_patience
        creating = Creating(hub=hub, custody=custody, rotations=rotations, clock=clock)
        endings = Endings(hub=hub, custody=custody, publication=publication, clock=clock)
        self.of: Mapping[RotationState, Step] = {
            S.REVOKING: creating.revoke,
            S.CREATING: creating.create,
            S.WAITING: creating.wait,
            S.TESTING: self._test,
            S.PUBLISHING: self._publish,
            S.ADOPTING: self._adopt,
            S.RETIRING: endings.retire,
            S.DELETING: endings.delete,
            S.WITHDRAWING: endings.withdraw,
        }

    async def _test(self, credential: Credential, rotation: Rotation, _check: Check) -> Rotation:
        login, now = await self._new_login(credential, rotation), self._clock.now()
        live = await self._custody.live(credential)
        if live.login.secret == login.secret:
            return self._failing(rotation, "token_not_new", "the new token is the one that is live already")
        try:
            await self._custody.test(login)
        except CredentialRejected as error:
            return self._failing(rotation, error.code, "Docker Hub refuses the new token; the old one stays")
        return step(rotation, S.PUBLISHING, now, "Docker Hub accepts the new token", **_before(live))

    async def _new_login(self, credential: Credential, rotation: Rotation) -> Login:
        name = next_secret(credential.token_secret)
        staged = await self._custody.required(credential, name, rotation.staged_version)
        minted = rotation.provider is not Provider.ASSISTED
        return Login(await self._custody.username_for_new(credential, minted=minted), staged.value.strip())

    async def _publish(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        login = await self._new_login(credential, rotation)
        live = await self._custody.live(credential)
        if live.token.version != rotation.previous_version and not is_written_by(live.token, rotation.id):
            text, before = "somebody wrote a new version meanwhile", _before(live)
            return note(rotation, self._clock.now(), "rotation.overtaken", text, **before)
        written, username = await self._publication.publish(credential, rotation, login.username, login.secret, check)
        now = self._clock.now()
        versions = {"published_version": written.version, "username_version": username, "published_at": now}
        return step(rotation, S.ADOPTING, now, "the new token is the live secret's current version", **versions)

    async def _adopt(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        try:
            proofs = await self._adoption.adopt(credential, check)
        except NotAdopted as error:
            now = self._clock.now()
            waited = now - (rotation.published_at or now)
            if waited < self._patience:
                again = now + max(ADOPTION_POLL, waited / 4)
                return note(rotation, now, "rotation.not_adopted_yet", str(error), not_before=again)
            return self._failing(rotation, error.code, str(error))
        now = self._clock.now()
        took = (now - (rotation.published_at or now)).total_seconds()
        return step(
            rotation,
            S.RETIRING,
            now,
            f"the registries work with the new token, {took:.0f} s after it was published",
            adopted_at=now,
            adoption_s=took,
            proofs=proofs,
            not_before=now + credential.grace,
        )

    def _failing(self, rotation: Rotation, code: str, text: str) -> Rotation:
        return step(rotation, S.WITHDRAWING, self._clock.now(), text, error=code, detail=text)


def _before(live: Pair) -> dict[str, str]:
    """What a rotation remembers of the pair that it replaces."""
    return {
        "previous_version": live.token.version,
        "previous_username": live.username.version,
        "previous_token": live.token.tags.get(TAG_TOKEN, ""),
    }
