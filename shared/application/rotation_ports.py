"""The ports of rotation: Docker Hub, Key Vault, the records of rotations, and an update of a credential set.

Values that hold a secret have a `repr` without it, so that no log line and no test report can show one.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from shared.application.ports import Stored
from shared.domain.headroom import Reading
from shared.domain.rotation import HubToken, Rotation
from shared.errors import PermanentError, TemporaryError


class CredentialRejected(PermanentError):
    """Docker Hub refuses the user name and token."""

    code = "credential_rejected"
    hint = "The token is wrong, revoked or expired, or belongs to another account; docs/rotation.md says what to do."


class CannotMint(PermanentError):
    """No token can be minted with what the policy names; a person has to make it."""

    code = "cannot_mint"
    hint = "Write a token that you made into the -next secret; docs/rotation.md says how."


class LoginRefused(CannotMint):
    """Docker Hub refuses the owner's login, so that no token can be minted."""

    code = "owner_login_refused"
    hint = "A wrong password, a second factor or enforced single sign-on; put the right one into the owner's secret."


class MintingForbidden(CannotMint):
    """The owner's login may not manage these tokens, or make one more."""

    code = "minting_forbidden"
    hint = "Only an account's password mints its tokens, and only an owner's those of an organization with a paid plan."


class NoFreeSlot(CannotMint):
    """The organization has as many tokens as its plan allows, expired ones included."""

    code = "no_free_slot"
    hint = "Delete tokens that nobody uses; a Team has 10 and a Business 100."


class HubUnavailable(TemporaryError):
    """Docker Hub can't answer now, asks for a pause, or has locked the name after bad logins."""

    code = "docker_hub_unavailable"
    hint = "Nothing to do; it is tried again after the pause that Docker Hub asks for."


class SecretDisabled(PermanentError):
    """The secret's version is disabled."""

    code = "secret_disabled"
    hint = "Enable the version in Key Vault, or write a new one."


class Login(msgspec.Struct, frozen=True):
    """A user name with its password or token."""

    username: str
    secret: str

    def __repr__(self) -> str:
        """Without either."""
        return "Login(…)"


class Owner(msgspec.Struct, frozen=True):
    """Who mints: an account's login, and the organization whose tokens they are; None for the account's own."""

    login: Login
    organization: str | None = None

    def __repr__(self) -> str:
        """Without names."""
        return "Owner(…)"


class Minted(msgspec.Struct, frozen=True):
    """A new token with its text, which is never shown again."""

    token: HubToken
    text: str

    def __repr__(self) -> str:
        """Without the text."""
        return f"Minted({self.token.id})"


class DockerHub(Protocol):
    """Docker Hub: its tokens, and its registry's verdict on a login.

    Every method may raise `HubUnavailable`; those with an owner also `LoginRefused` and `MintingForbidden`.
    """

    async def tokens(self, owner: Owner) -> tuple[HubToken, ...]:
        """All tokens of the account or organization, expired ones included."""

    async def mint(self, owner: Owner, label: str, expires_at: datetime) -> Minted:
        """Make a token that may pull public images and nothing else; raises `NoFreeSlot`."""

    async def set_active(self, owner: Owner, token_id: str, *, active: bool) -> None:
        """Switch a token on or off; one that is gone, or has expired, is left alone."""

    async def delete(self, owner: Owner, token_id: str) -> None:
        """Delete a token; one that is gone is left alone."""

    async def probe(self, login: Login | None) -> Reading:
        """Look at the pull limit without a pull, as somebody or anonymously; raises `CredentialRejected`."""


class SecretVersion(msgspec.Struct, frozen=True):
    """A version of a secret with its value; `tags` is never None."""

    version: str
    value: str
    created_on: datetime
    expires_on: datetime | None = None
    tags: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """Without the value."""
        return f"SecretVersion({self.version})"


class Vaults(Protocol):
    """Key Vault's secrets, by the vault's address."""

    async def read(self, vault: str, name: str, version: str = "") -> SecretVersion | None:
        """A version, the current one by default; None when there is none; raises `SecretDisabled`."""

    async def write(
        self, vault: str, name: str, value: str, *, tags: Mapping[str, str], expires_on: datetime | None
    ) -> SecretVersion:
        """Write a new version; a secret of that name in soft delete is recovered first."""

    async def recover(self, vault: str, name: str) -> bool:
        """Take a secret out of soft delete and wait until it is there; False when none waits there."""

    async def disable(self, vault: str, name: str, version: str) -> None:
        """Disable a version; one that is gone is left alone."""


class CredentialSets(Protocol):
    """Updates of a registry's credential sets."""

    async def point_credential_set(self, registry_id: str, name: str, username_secret: str, token_secret: str) -> None:
        """Have a set read these secrets, both at once, and wait for the end; the same ones again validate it anew."""


class Watch(msgspec.Struct, frozen=True):
    """What is remembered about a credential between rotations, so that nothing refused is tried in a loop.

    Attributes:
        refused_owner: the version of the owner's secret whose login was refused, and will not be tried again.
        why: the code of that refusal.
        checked: what the last look at what the credential can do was based on.
        checked_at: when that was.
        cannot: the code of what keeps tokens from being minted, empty when nothing is known to.
        rejected: the version of the live pair that Docker Hub refused.
        acted_on: the one whose refusal was acted on: a rotation was begun, or people were told.
        accepted: the one that it accepted, at the last test or look at the pull limit.
        tested_at: when that was.
    """

    refused_owner: str = ""
    why: str = ""
    checked: str = ""
    checked_at: datetime | None = None
    cannot: str = ""
    rejected: str = ""
    acted_on: str = ""
    accepted: str = ""
    tested_at: datetime | None = None


class Rotations(Protocol):
    """The records of rotations, and the watch over each credential."""

    async def latest(self, credential: str) -> Stored[Rotation] | None:
        """The newest rotation of a credential, None when there was none."""

    def history(self, credential: str) -> AsyncIterator[Rotation]:
        """All rotations of a credential, the newest first."""

    async def insert(self, rotation: Rotation) -> Stored[Rotation]:
        """Store a new rotation; raises `Changed` when its number is taken."""

    async def replace(self, stored: Stored[Rotation], rotation: Rotation) -> Stored[Rotation]:
        """Replace a rotation as it was read; raises `Changed` when it was changed since."""

    async def watch(self, credential: str) -> Stored[Watch] | None:
        """What is remembered about a credential, None when nothing is."""

    async def save_watch(self, credential: str, stored: Stored[Watch] | None, watch: Watch) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""


class Samples(Protocol):
    """Readings of Docker Hub's pull limit, by whose window it is."""

    async def add(self, window: str, reading: Reading) -> None:
        """Keep a reading."""

    async def recent(self, window: str, since: datetime) -> tuple[Reading, ...]:
        """The readings of a window since a time, oldest first."""
