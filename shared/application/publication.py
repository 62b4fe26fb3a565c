"""Publication: a new token, and where it changes the user name, becomes the live pair in an order that is never wrong.

Two secrets can't change at once, but a credential set can be pointed at two others at once. So while a user name
changes, every set is pinned to the versions of the old pair; then both secrets are written; and one update later the
sets follow the current versions again. ACR sees the old pair or the new one, never one of each.
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

import msgspec

from shared.application.custody import Custody
from shared.application.registry_ports import Registries
from shared.application.rotation_ports import CredentialSets, SecretVersion
from shared.domain.policy import Policy
from shared.domain.policy_credentials import Credential
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.domain.rotation import (
    TAG_CREATED,
    TAG_PROVIDER,
    TAG_ROTATION,
    TAG_TOKEN,
    TAG_USERNAME,
    Rotation,
)


class Publication:
    """Writes live secrets and points credential sets at them."""

    def __init__(
        self, *, policy: Policy, custody: Custody, registries: Registries, credential_sets: CredentialSets
    ) -> None:
        self._policy = policy
        self._custody = custody
        self._registries = registries
        self._sets = credential_sets

    async def publish(
        self, credential: Credential, rotation: Rotation, username: str, token: str, check: Callable[[], None]
    ) -> tuple[SecretVersion, str]:
        """Make a pair live under the rotation's name, once.

        Args:
            credential: whose.
            rotation: with what was live before.
            username: the user name of the new token.
            token: its text.
            check: raises when the lease is lost; asked before each write.

        Returns:
            The token's version, and the user name's where it changed.
        """
        wanted = _Wanted(rotation.id, username.strip(), token.strip(), rotation.token_id, rotation.expires_at)
        return await self._write(credential, rotation, wanted, check)

    async def restore(self, credential: Credential, rotation: Rotation, check: Callable[[], None]) -> None:
        """Make what was live before the rotation live again, once; its versions are written anew."""
        old = await self._custody.required(credential, credential.token_secret, rotation.previous_version)
        username = await self._custody.required(credential, credential.username_secret, rotation.previous_username)
        name, texts = f"{rotation.id}/restored", (username.value.strip(), old.value.strip())
        wanted = _Wanted(name, *texts, rotation.previous_token, old.expires_on)
        await self._write(credential, rotation, wanted, check)
        await self.follow(credential, check)

    async def follow(self, credential: Credential, check: Callable[[], None]) -> None:
        """Have every credential set read the current versions; those that do are validated anew by it."""
        username, token = credential.secret_ids
        async for registry_id, _, found in self.sets(credential):
            check()
            await self._sets.point_credential_set(registry_id, found.name, username, token)

    async def sets(self, credential: Credential) -> AsyncIterator[tuple[str, RegistrySnapshot, CredentialSet]]:
        """The credential sets that read these secrets, pinned ones too: the registry, its reading, the set."""
        for registry in self._policy.registries:
            snapshot = await self._registries.read(registry.id)
            for found in snapshot.credential_sets:
                if _reads(found, credential):
                    yield registry.id, snapshot, found

    async def _write(
        self, credential: Credential, rotation: Rotation, wanted: "_Wanted", check: Callable[[], None]
    ) -> tuple[SecretVersion, str]:
        vaults, live = self._custody.vaults, await self._custody.live(credential)
        if live.token.tags.get(TAG_ROTATION) == wanted.name:
            return live.token, live.token.tags.get(TAG_USERNAME, "")
        tags = {
            TAG_ROTATION: wanted.name,
            TAG_PROVIDER: str(rotation.provider),
            TAG_TOKEN: wanted.token_id,
            TAG_CREATED: rotation.updated_at.isoformat(timespec="seconds"),
        }
        current = await self._custody.required(credential, credential.username_secret)
        changed = ""
        if current.value.strip() != wanted.username:
            await self._pin(credential, rotation, check)
            check()
            current = await vaults.write(
                credential.vault, credential.username_secret, wanted.username, tags=tags, expires_on=None
            )
        if current.tags.get(TAG_ROTATION) == wanted.name:
            changed = tags[TAG_USERNAME] = current.version
        check()
        written = await vaults.write(
            credential.vault, credential.token_secret, wanted.token, tags=tags, expires_on=wanted.expires_on
        )
        return written, changed

    async def _pin(self, credential: Credential, rotation: Rotation, check: Callable[[], None]) -> None:
        """Have every set read the pair that was live before, whatever is written after it."""
        names, tokens = credential.secret_ids
        username, token = f"{names}/{rotation.previous_username}", f"{tokens}/{rotation.previous_version}"
        async for registry_id, _, found in self.sets(credential):
            check()
            await self._sets.point_credential_set(registry_id, found.name, username, token)


class _Wanted(msgspec.Struct, frozen=True):
    """A pair that is to become live, and the name under which it is written once."""

    name: str
    username: str
    token: str
    token_id: str
    expires_on: datetime | None

    def __repr__(self) -> str:
        """Without the pair."""
        return f"_Wanted({self.name})"


def _reads(found: CredentialSet, credential: Credential) -> bool:
    """Whether a set reads the secrets of a credential, at whatever version."""
    pairs = zip((found.username_secret, found.token_secret), credential.secret_ids, strict=True)
    return all(f"{theirs}/".lower().startswith(f"{ours}/".lower()) for theirs, ours in pairs)
