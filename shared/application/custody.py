"""Custody: which secrets belong together, read and tested as one, so that nobody works with half of a pair.

The trap: user name and token are two secrets with versions of their own. A token that belongs to another user name
than the one before it names that version in its tags, and whoever reads the pair reads that one.
"""

from datetime import datetime

import msgspec

from shared.application.rotation_ports import (
    CredentialRejected,
    DockerHub,
    Login,
    LoginRefused,
    Owner,
    SecretDisabled,
    SecretVersion,
    Vaults,
)
from shared.domain.headroom import Reading
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.rotation import TAG_ROTATION, TAG_USERNAME, next_secret
from shared.errors import PermanentError


class SecretMissing(PermanentError):
    """A secret that the policy names is not in the vault."""

    code = "secret_missing"
    hint = "Create the secret, or correct its name in the policy."


class Pair(msgspec.Struct, frozen=True):
    """A user name and a token that belong together, and the versions that they were read at."""

    username: SecretVersion
    token: SecretVersion

    @property
    def login(self) -> Login:
        """The pair as a login."""
        return Login(self.username.value.strip(), self.token.value.strip())

    @property
    def version(self) -> str:
        """What Docker Hub's verdict is about: a refused token with a corrected user name is another pair."""
        return f"{self.token.version} {self.username.version}"


class OwnerSecret(msgspec.Struct, frozen=True):
    """An owner, and the version of the secret with the password."""

    owner: Owner
    version: str


class Custody:
    """Reads a credential's secrets, and asks Docker Hub about them."""

    def __init__(self, *, vaults: Vaults, hub: DockerHub) -> None:
        self.vaults = vaults
        self._hub = hub

    async def required(self, credential: Credential, name: str, version: str = "") -> SecretVersion:
        """A secret that has to be there; raises `SecretMissing`."""
        found = await self.vaults.read(credential.vault, name, version)
        if found is None:
            raise SecretMissing(f"the vault has no secret {name}" + (f" of version {version}" if version else ""))
        return found

    async def recover(self, credential: Credential) -> tuple[str, ...]:
        """Take what somebody deleted of the live pair out of soft delete; the names of what was recovered.

        Only the two names of the policy are looked at: whatever else was deleted in a vault stays deleted.
        """
        missing = [name for name in credential.secrets if await self._is_missing(credential, name)]
        return tuple([name for name in missing if await self.vaults.recover(credential.vault, name)])

    async def _is_missing(self, credential: Credential, name: str) -> bool:
        try:
            return await self.vaults.read(credential.vault, name) is None
        except SecretDisabled:
            return False

    async def live(self, credential: Credential, version: str = "") -> Pair:
        """The live pair, or the one that belongs to an older version of the token; raises `SecretMissing`."""
        token = await self.required(credential, credential.token_secret, version)
        return Pair(
            await self.required(credential, credential.username_secret, token.tags.get(TAG_USERNAME, "")), token
        )

    async def staged(self, credential: Credential) -> SecretVersion | None:
        """The current version of the `-next` secret, None when there is none."""
        return await self.vaults.read(credential.vault, next_secret(credential.token_secret))

    async def owner(self, credential: Credential) -> OwnerSecret:
        """Who mints; raises `LoginRefused` where the policy or the vault names nobody, and `SecretMissing`."""
        if credential.owner_secret is None:
            raise LoginRefused("the policy names no owner_secret", code="owner_secret_missing")
        name = credential.owner_username_secret
        username = await self._of_owner(credential, name) if name else (await self.live(credential)).username
        password = await self._of_owner(credential, credential.owner_secret)
        organization = None
        if credential.provider is Provider.ORGANIZATION:
            organization = credential.organization or (await self.live(credential)).username.value.strip()
        login = Login(username.value.strip(), password.value.strip())
        return OwnerSecret(Owner(login, organization), password.version)

    async def owner_version(self, credential: Credential) -> str:
        """The version of the owner's secret, empty where there is none that can be read."""
        try:
            return (await self._of_owner(credential, credential.owner_secret or "")).version
        except LoginRefused:
            return ""

    async def _of_owner(self, credential: Credential, name: str) -> SecretVersion:
        """One of the owner's secrets; one that can't be read is a login that can't be had, which a person can mend."""
        try:
            found = await self.vaults.read(credential.vault, name) if name else None
        except SecretDisabled:
            found = None
        if found is None:
            raise LoginRefused(f"the vault has no secret {name} that can be read", code="owner_secret_missing")
        return found

    async def username_for_new(self, credential: Credential, *, minted: bool) -> str:
        """The user name that a new token belongs to; a person's token belongs to the one that is live."""
        if minted:
            owner = (await self.owner(credential)).owner
            return owner.organization or owner.login.username
        return (await self.live(credential)).login.username

    async def test(self, login: Login) -> Reading:
        """Docker Hub's verdict, for which no pull is spent; raises `CredentialRejected`."""
        return await self._hub.probe(login)

    async def works(self, login: Login) -> bool:
        """Whether Docker Hub accepts a login now."""
        try:
            await self._hub.probe(login)
        except CredentialRejected:
            return False
        return True


def is_written_by(version: SecretVersion, rotation_id: str) -> bool:
    """Whether a version was written by this rotation."""
    return version.tags.get(TAG_ROTATION) == rotation_id


def is_ours(version: SecretVersion) -> bool:
    """Whether a version was written by any rotation of ours."""
    return TAG_ROTATION in version.tags


def age_of(version: SecretVersion, now: datetime) -> float:
    """The seconds since a version was written."""
    return (now - version.created_on).total_seconds()
