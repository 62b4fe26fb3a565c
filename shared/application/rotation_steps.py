"""The steps of a rotation: each looks at what is there, does what is missing, and answers with the next record.

A step may be repeated after a crash at any point, by another worker too, because it asks Docker Hub and Key Vault what
was done already: a token of this rotation's label whose text is not staged is lost and deleted, and a version that
carries the rotation's id is not written twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.application.adoption import Adoption, NotAdopted
from shared.application.custody import Custody, Pair, is_ours, is_written_by
from shared.application.ports import Clock
from shared.application.publication import Publication
from shared.application.rotation_endings import Check, Endings
from shared.application.rotation_ports import (
    CannotMint,
    CredentialRejected,
    DockerHub,
    Login,
    LoginRefused,
    Minted,
    MintingForbidden,
    NoFreeSlot,
    Owner,
    Rotations,
    SecretDisabled,
    SecretVersion,
)
from shared.domain.policy import Credential, Provider
from shared.domain.rotation import (
    TAG_PROVIDER,
    TAG_ROTATION,
    TAG_TOKEN,
    Rotation,
    RotationState,
    Trigger,
    end_of_life,
    label_of,
    label_prefix,
    next_secret,
    note,
    orphans,
    step,
)
from shared.domain.token_slots import is_full, may_be_full

S = RotationState
_OWNERS: Final = frozenset({LoginRefused.code, "owner_secret_missing", "second_factor"})
"""Why a person is asked where another version of the owner's secret may help."""
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
        self._hub = hub
        self._custody = custody
        self._publication = publication
        self._adoption = adoption
        self._rotations = rotations
        self._clock = clock
        self._patience = adoption_patience
        endings = Endings(hub=hub, custody=custody, publication=publication, clock=clock)
        self.of: Mapping[RotationState, Step] = {
            S.REVOKING: self._revoke,
            S.CREATING: self._create,
            S.WAITING: self._wait,
            S.TESTING: self._test,
            S.PUBLISHING: self._publish,
            S.ADOPTING: self._adopt,
            S.RETIRING: endings.retire,
            S.DELETING: endings.delete,
            S.WITHDRAWING: endings.withdraw,
        }

    async def _revoke(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        """A leaked token is worth more dead than pulls are: delete it first, and live without one for a moment."""
        rotation = await self._with_live_pair(credential, rotation)
        live = await self._custody.live(credential)
        token_id = live.token.tags.get(TAG_TOKEN, "")
        if not token_id:
            text = "the live token was made by hand: delete it on Docker Hub's web site now"
            return step(rotation, S.CREATING, self._clock.now(), text)
        owner = (await self._custody.owner(credential)).owner
        check()
        await self._hub.set_active(owner, token_id, active=False)
        check()
        await self._hub.delete(owner, token_id)
        return step(rotation, S.CREATING, self._clock.now(), "the live token was revoked; pulls fail until the next")

    async def _with_live_pair(self, credential: Credential, rotation: Rotation) -> Rotation:
        """The rotation, once a live secret that somebody deleted is there again, so that there is a pair to replace."""
        recovered = await self._custody.recover(credential)
        if not recovered:
            return rotation
        text = f"the deleted secrets {' and '.join(recovered)} were recovered"
        return note(rotation, self._clock.now(), "rotation.recovered", text)

    async def _create(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        rotation = await self._with_live_pair(credential, rotation)
        if credential.provider is Provider.ASSISTED or rotation.trigger is Trigger.PASTED:
            return self._ask(rotation, "")
        watch = await self._rotations.watch(rotation.credential)
        try:
            found = await self._custody.owner(credential)
        except LoginRefused as error:
            return self._ask(rotation, error.code)
        if watch.refused_owner == found.version:
            return self._ask(rotation, watch.why)  # it counts towards the lock of the name, and is not tried again
        try:
            return await self._mint(credential, rotation, check)
        except LoginRefused as error:
            remembered = msgspec.structs.replace(watch, refused_owner=found.version, why=error.code)
            await self._rotations.remember(rotation.credential, remembered)
            return self._ask(rotation, error.code)
        except CannotMint as error:
            return self._ask(rotation, error.code)

    def _ask(self, rotation: Rotation, why: str) -> Rotation:
        text = f"a person has to make the token: {why}" if why else "a person has to make the token"
        now = self._clock.now()
        return step(rotation, S.WAITING, now, text, provider=Provider.ASSISTED, fallback=why)

    async def _mint(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        owner = (await self._custody.owner(credential)).owner
        live, staged = await self._custody.live(credential), await self._staged(credential)
        tokens, now = await self._hub.tokens(owner), self._clock.now()
        previous = live.token.tags.get(TAG_TOKEN, "")
        known = {token.id for token in tokens if token.is_active}
        if staged is not None and is_written_by(staged, rotation.id) and staged.tags.get(TAG_TOKEN) in known:
            return step(
                rotation,
                S.TESTING,
                now,
                "the token of an interrupted step was found",
                token_id=staged.tags[TAG_TOKEN],
                staged_version=staged.version,
                expires_at=staged.expires_on,
                provider=credential.provider,
            )
        lost = orphans(tokens, label_prefix(credential), keep=(previous,))
        for orphan in lost:
            check()
            await self._hub.delete(owner, orphan.id)
        ends = end_of_life(credential, now)
        check()
        minted = await self._minted(credential, owner, label_of(credential, rotation), ends, len(tokens) - len(lost))
        tags = {
            TAG_ROTATION: rotation.id,
            TAG_TOKEN: minted.token.id,
            TAG_PROVIDER: str(credential.provider),
        }
        check()
        written = await self._custody.vaults.write(
            credential.vault, next_secret(credential.token_secret), minted.text, tags=tags, expires_on=ends
        )
        changed = {"token_id": minted.token.id, "staged_version": written.version, "expires_at": ends}
        text = "a token was made that may pull public images and nothing else"
        return step(rotation, S.TESTING, self._clock.now(), text, provider=credential.provider, **changed)

    async def _minted(self, credential: Credential, owner: Owner, label: str, ends: datetime, held: int) -> Minted:
        """A new token; raises `NoFreeSlot` when the organization's tokens leave no room for it."""
        if owner.organization is not None and is_full(held, credential.plan):
            raise NoFreeSlot(f"the organization holds {held} tokens, as many as its plan has room for")
        try:
            return await self._hub.mint(owner, label, ends)
        except MintingForbidden as error:
            if owner.organization is not None and may_be_full(held, credential.plan):
                raise NoFreeSlot(
                    f"Docker Hub refuses one more token beside {held}, as many as a plan allows"
                ) from error
            raise

    async def _staged(self, credential: Credential) -> SecretVersion | None:
        try:
            return await self._custody.staged(credential)
        except SecretDisabled:
            return None

    async def _wait(self, credential: Credential, rotation: Rotation, _check: Check) -> Rotation:
        """Take what a person has put into the `-next` secret; or mint after all, once the owner's login is new."""
        staged, now = await self._staged(credential), self._clock.now()
        if staged is not None and not is_ours(staged) and staged.version != rotation.staged_version:
            text = "a person's token is there"
            return step(
                rotation, S.TESTING, now, text, staged_version=staged.version, expires_at=staged.expires_on, token_id=""
            )
        if credential.provider is Provider.ASSISTED or not rotation.fallback:
            return rotation
        watch, owner = await self._rotations.watch(rotation.credential), await self._custody.owner_version(credential)
        if rotation.fallback in _OWNERS and owner not in {"", watch.refused_owner}:
            text = "the owner's password is another one"
            return step(rotation, S.CREATING, now, text, fallback="", provider=credential.provider)
        return rotation

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
