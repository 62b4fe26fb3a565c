"""How a rotation ends: the old token is retired, or the new one is taken back."""

from collections.abc import Callable

from shared.application.custody import Custody, is_written_by
from shared.application.ports import Clock
from shared.application.publication import Publication
from shared.application.rotation_ports import DockerHub, Login, Owner, SecretDisabled
from shared.domain.counting import counted
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.rotation import TAG_TOKEN, Rotation, RotationState, label_prefix, next_secret, orphans, step

S = RotationState

type Check = Callable[[], None]


class Endings:
    """The last steps of a rotation, for better and for worse; each may be repeated."""

    def __init__(self, *, hub: DockerHub, custody: Custody, publication: Publication, clock: Clock) -> None:
        self._hub = hub
        self._custody = custody
        self._publication = publication
        self._clock = clock

    async def retire(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        """Switch off what is not needed any more; that can still be undone."""
        text = "the old token was made by hand, and is a person's to delete"
        if rotation.provider is not Provider.ASSISTED:
            owner, keep = await self._minting(credential, rotation)
            old = orphans(await self._hub.tokens(owner), label_prefix(credential), keep)
            for token in old:
                check()
                await self._hub.set_active(owner, token.id, active=False)
            text = f"{counted(len(old), 'token of ours was', 'tokens of ours were')} switched off" if old else text
        return step(rotation, S.DELETING, self._clock.now(), text)

    async def delete(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        """Delete what was switched off, once the live token still works without it."""
        if not await self._custody.works((await self._custody.live(credential)).login):
            if rotation.provider is not Provider.ASSISTED and rotation.previous_token:
                owner, _ = await self._minting(credential, rotation)
                check()
                await self._hub.set_active(owner, rotation.previous_token, active=True)
            text = "the live token stopped working, so the old one was left alone"
            return step(rotation, S.FAILED, self._clock.now(), text, error="live_token_rejected", detail=text)
        if rotation.provider is not Provider.ASSISTED:
            owner, keep = await self._minting(credential, rotation)
            for token in orphans(await self._hub.tokens(owner), label_prefix(credential), keep):
                check()
                await self._hub.delete(owner, token.id)
        await self._disable(credential, rotation, check, old=True)
        return step(rotation, S.SUCCEEDED, self._clock.now(), "one token of ours is left, the live one")

    async def _minting(self, credential: Credential, rotation: Rotation) -> tuple[Owner, tuple[str, str]]:
        """Who deletes tokens, and which are to stay."""
        owner = (await self._custody.owner(credential)).owner
        live = await self._custody.live(credential)
        return owner, (rotation.token_id, live.token.tags.get(TAG_TOKEN, ""))

    async def _disable(self, credential: Credential, rotation: Rotation, check: Check, *, old: bool) -> None:
        """Disable the staged copy, and after a success the versions that were live before."""
        vaults, vault = self._custody.vaults, credential.vault
        done = [(next_secret(credential.token_secret), rotation.staged_version)]
        if old:
            done.append((credential.token_secret, rotation.previous_version))
        if old and rotation.username_version:
            done.append((credential.username_secret, rotation.previous_username))
        for name, version in done:
            if version:
                check()
                await vaults.disable(vault, name, version)

    async def withdraw(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        """Take the new token back, unless that would leave a live secret that Docker Hub refuses."""
        live, now = await self._custody.live(credential), self._clock.now()
        if is_written_by(live.token, rotation.id) and not await self._old_works(credential, rotation):
            text = "the token before it is refused, so the new one stays live"
            return step(rotation, S.FAILED, now, text, detail=f"{rotation.detail}; {text}")
        if rotation.previous_version:
            username = await self._custody.required(credential, credential.username_secret)
            if is_written_by(live.token, rotation.id) or is_written_by(username, rotation.id):
                await self._publication.restore(credential, rotation, check)
            else:
                await self._publication.follow(credential, check)
        if rotation.provider is not Provider.ASSISTED:
            owner = (await self._custody.owner(credential)).owner
            keep = (rotation.previous_token, (await self._custody.live(credential)).token.tags.get(TAG_TOKEN, ""))
            for token in orphans(await self._hub.tokens(owner), label_prefix(credential), keep):
                check()
                await self._hub.delete(owner, token.id)
        await self._disable(credential, rotation, check, old=False)
        return step(rotation, S.FAILED, self._clock.now(), "the new token is gone, the old one is live")

    async def _old_works(self, credential: Credential, rotation: Rotation) -> bool:
        try:
            name, version = credential.token_secret, rotation.previous_version
            token = await self._custody.required(credential, name, version)
            username = await self._custody.required(credential, credential.username_secret, rotation.previous_username)
        except SecretDisabled:
            return False
        return await self._custody.works(Login(username.value.strip(), token.value.strip()))
