"""How a rotation comes by a new token: it is minted, or a person is asked for it and waited for.

A step may be repeated after a crash at any point: a token of this rotation's label whose text is not staged is lost and
deleted. What is refused is asked for once, and then is a person's.
"""

from datetime import datetime
from typing import Final

from shared.application.custody import Custody, OwnerSecret, is_ours, is_written_by
from shared.application.ports import Clock
from shared.application.remembering import remember, watch_of
from shared.application.rotation_endings import Check
from shared.application.rotation_ports import (
    CannotMint,
    DockerHub,
    LoginRefused,
    Minted,
    MintingForbidden,
    NoFreeSlot,
    Owner,
    Rotations,
    SecretDisabled,
    SecretVersion,
)
from shared.domain.policy_credentials import Credential, Provider
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


class Creating:
    """The first steps of a rotation; each may be repeated."""

    def __init__(self, *, hub: DockerHub, custody: Custody, rotations: Rotations, clock: Clock) -> None:
        self._hub = hub
        self._custody = custody
        self._rotations = rotations
        self._clock = clock

    async def revoke(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        """A leaked token is worth more dead than pulls are: delete it first, and live without one for a moment."""
        rotation = await self._with_live_pair(credential, rotation)
        live = await self._custody.live(credential)
        token_id = live.token.tags.get(TAG_TOKEN, "")
        if not token_id:
            text = "the live token was made by hand: delete it on Docker Hub's web site now"
        elif why := await self._kill(credential, rotation, token_id, check):
            text = f"the live token can't be revoked from here ({why}): delete it on Docker Hub's web site now"
        else:
            text = "the live token was revoked; pulls fail until the next"
        return step(rotation, S.CREATING, self._clock.now(), text)

    async def _kill(self, credential: Credential, rotation: Rotation, token_id: str, check: Check) -> str:
        """Switch a token off and delete it; the code of why it can't be done, empty when it is."""
        try:
            found = await self._owner(credential, rotation)
        except LoginRefused as error:
            return error.code
        try:
            check()
            await self._hub.set_active(found.owner, token_id, active=False)
            check()
            await self._hub.delete(found.owner, token_id)
        except CannotMint as error:
            await self._remember(rotation, found, error)
            return error.code
        return ""

    async def _owner(self, credential: Credential, rotation: Rotation) -> OwnerSecret:
        """Who mints; raises `LoginRefused` for a login that was refused before, without trying it: that may lock it."""
        watch, found = await watch_of(self._rotations, rotation.credential), await self._custody.owner(credential)
        if watch.refused_owner == found.version:
            raise LoginRefused("the owner's login was refused before, and is the same", code=watch.why)
        return found

    async def _remember(self, rotation: Rotation, found: OwnerSecret, error: CannotMint) -> None:
        """Keep a refused login from being tried again."""
        if isinstance(error, LoginRefused):
            await remember(self._rotations, rotation.credential, refused_owner=found.version, why=error.code)

    async def _with_live_pair(self, credential: Credential, rotation: Rotation) -> Rotation:
        """The rotation, once a live secret that somebody deleted is there again, so that there is a pair to replace."""
        recovered = await self._custody.recover(credential)
        if not recovered:
            return rotation
        text = f"the deleted secrets {' and '.join(recovered)} were recovered"
        return note(rotation, self._clock.now(), "rotation.recovered", text)

    async def create(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        """Mint a token, or ask a person for one and say why."""
        rotation = await self._with_live_pair(credential, rotation)
        if credential.provider is Provider.ASSISTED or rotation.trigger is Trigger.PASTED:
            return self._ask(rotation, "")
        try:
            found = await self._owner(credential, rotation)
        except LoginRefused as error:
            return self._ask(rotation, error.code)
        try:
            return await self._mint(credential, rotation, found.owner, check)
        except CannotMint as error:
            await self._remember(rotation, found, error)
            return self._ask(rotation, error.code)

    def _ask(self, rotation: Rotation, why: str) -> Rotation:
        text = f"a person has to make the token: {why}" if why else "a person has to make the token"
        now = self._clock.now()
        return step(rotation, S.WAITING, now, text, provider=Provider.ASSISTED, fallback=why)

    async def _mint(self, credential: Credential, rotation: Rotation, owner: Owner, check: Check) -> Rotation:
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

    async def wait(self, credential: Credential, rotation: Rotation, _check: Check) -> Rotation:
        """Take what a person has put into the `-next` secret; or mint after all, once the owner's login is new."""
        staged, now = await self._staged(credential), self._clock.now()
        if staged is not None and not is_ours(staged) and staged.version != rotation.staged_version:
            text = "a person's token is there"
            return step(
                rotation, S.TESTING, now, text, staged_version=staged.version, expires_at=staged.expires_on, token_id=""
            )
        if credential.provider is Provider.ASSISTED or not rotation.fallback:
            return rotation
        watch = await watch_of(self._rotations, rotation.credential)
        owner = await self._custody.owner_version(credential)
        if rotation.fallback in _OWNERS and owner not in {"", watch.refused_owner}:
            text = "the owner's password is another one"
            return step(rotation, S.CREATING, now, text, fallback="", provider=credential.provider)
        return rotation
