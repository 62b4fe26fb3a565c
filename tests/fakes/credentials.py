"""Docker Hub's tokens, a vault's secrets and the records of rotations in memory, with the rules that rotation meets."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

import msgspec

from shared.application.ports import Clock, Stored
from shared.application.rotation_ports import (
    CredentialRejected,
    CredentialSets,
    DockerHub,
    HubUnavailable,
    Login,
    LoginRefused,
    Minted,
    MintingForbidden,
    Owner,
    Rotations,
    Samples,
    SecretDisabled,
    SecretVersion,
    Vaults,
    Watch,
)
from shared.domain.headroom import Reading
from shared.domain.registries import CredentialSet
from shared.domain.rotation import HubToken, Rotation
from tests.fakes.azure import FakeRegistries, FakeVaultAccess
from tests.fakes.fuse import Fuse
from tests.fakes.records import Records as MemoryRecords

PASSWORD = "owner-password"
MOST_BAD_LOGINS = 10
LOCK_S = 600


class FakeHub(DockerHub):
    """Docker Hub: accounts with one password each, and their tokens; too many bad logins lock it for ten minutes.

    Attributes:
        passwords: account name → password.
        owners: organization → the account that owns it.
        slots: how many tokens an organization may have.
        listed: account or organization → its tokens by id.
        texts: token id → its text.
        probes: how often somebody's login was looked at.
        trouble: what everything that manages tokens raises, None when Docker Hub works.
    """

    def __init__(self, clock: Clock, fuse: Fuse) -> None:
        self.passwords = {"contosobot": PASSWORD}
        self.owners: dict[str, str] = {}
        self.slots = 10
        self.listed: dict[str, dict[str, HubToken]] = defaultdict(dict)
        self.texts: dict[str, str] = {}
        self.minted = 0
        self.bad_logins: Counter[str] = Counter()
        self.reading = Reading(at=clock.now(), limit=200, remaining=150, window_s=21600)
        self.probes: list[Login | None] = []
        self.refuses_new = False
        self.trouble: HubUnavailable | None = None
        self._bad_at: list[float] = []
        self._clock = clock
        self._fuse = fuse

    def add(self, name: str, label: str, text: str) -> HubToken:
        """A token as somebody made it by hand."""
        self.minted += 1
        token = HubToken(f"id-{self.minted}", label)
        self.listed[name][token.id], self.texts[token.id] = token, text
        return token

    def accepts(self, login: Login) -> bool:
        """Whether the registry would let this login in."""
        return any(
            self.texts[token.id] == login.secret
            and token.is_active
            and (token.expires_at is None or token.expires_at > self._clock.now())
            for token in self.listed[login.username].values()
        )

    async def tokens(self, owner: Owner) -> tuple[HubToken, ...]:
        """All tokens."""
        await self._fuse.before("hub.tokens")
        return tuple(self._of(owner).values())

    async def mint(self, owner: Owner, label: str, expires_at: datetime) -> Minted:
        """Make a token."""
        await self._fuse.before("hub.mint")
        held = self._of(owner)
        if owner.organization is not None and len(held) >= self.slots:
            raise MintingForbidden("Docker Hub does not say why")
        self.minted += 1
        token = HubToken(f"id-{self.minted}", label, not self.refuses_new, expires_at)
        held[token.id], self.texts[token.id] = token, f"dckr_pat_text-of-{token.id}"
        self._fuse.after("hub.mint")
        return Minted(token, self.texts[token.id])

    async def set_active(self, owner: Owner, token_id: str, *, active: bool) -> None:
        """Switch a token on or off."""
        await self._fuse.before("hub.set_active")
        held = self._of(owner)
        if token_id in held:
            held[token_id] = msgspec.structs.replace(held[token_id], is_active=active)
        self._fuse.after("hub.set_active")

    async def delete(self, owner: Owner, token_id: str) -> None:
        """Delete a token."""
        await self._fuse.before("hub.delete")
        self._of(owner).pop(token_id, None)
        self._fuse.after("hub.delete")

    async def probe(self, login: Login | None) -> Reading:
        """A look at the pull limit."""
        await self._fuse.before("hub.probe")
        self.probes.append(login)
        if login is None:
            return self.reading
        if not self.accepts(login):
            self._bad(login.username)
            raise CredentialRejected("Docker Hub refuses it")
        self._fuse.after("hub.probe")
        return msgspec.structs.replace(self.reading, by_account=True)

    def _of(self, owner: Owner) -> dict[str, HubToken]:
        if self.trouble is not None:
            raise self.trouble
        name = owner.login.username
        if self.passwords.get(name) != owner.login.secret:
            self._bad(name)
            raise LoginRefused("wrong password")
        if owner.organization is None:
            return self.listed[name]
        if self.owners.get(owner.organization) != name:
            raise MintingForbidden("not an owner")
        return self.listed[owner.organization]

    def _bad(self, name: str) -> None:
        now = self._clock.now().timestamp()
        self.bad_logins[name] += 1
        self._bad_at = [at for at in self._bad_at if now - at < LOCK_S] + [now]
        if len(self._bad_at) >= MOST_BAD_LOGINS:
            raise HubUnavailable("the name is locked", code="login_locked", retry_after=LOCK_S)


class _Written(msgspec.Struct):
    version: SecretVersion
    enabled: bool = True


class FakeVaults(Vaults):
    """One vault: secrets by name, their versions oldest first; `trouble` is raised by the next readings."""

    def __init__(self, clock: Clock, fuse: Fuse) -> None:
        self.secrets: dict[str, list[_Written]] = defaultdict(list)
        self.deleted: dict[str, list[_Written]] = {}
        self.trouble: list[Exception] = []
        self._clock = clock
        self._fuse = fuse
        self._written = 0

    def delete(self, name: str) -> None:
        """Put a secret with all its versions into soft delete."""
        self.deleted[name] = self.secrets.pop(name)

    def put(
        self,
        name: str,
        value: str,
        *,
        tags: Mapping[str, str] | None = None,
        expires_on: datetime | None = None,
    ) -> SecretVersion:
        """A new version, as anybody writes it."""
        self._written += 1
        version = SecretVersion(f"v{self._written}", value, self._clock.now(), expires_on, dict(tags or {}))
        self.secrets[name].append(_Written(version))
        return version

    def current(self, name: str) -> SecretVersion:
        """The current version."""
        return self.secrets[name][-1].version

    def value(self, identifier: str) -> str:
        """What the id of a secret, with or without a version, says; empty where it can't be read."""
        name, _, version = identifier.partition("/secrets/")[2].partition("/")
        found = [w for w in self.secrets[name] if not version or w.version.version == version]
        return found[-1].version.value if found and found[-1].enabled else ""

    async def read(self, vault: str, name: str, version: str = "") -> SecretVersion | None:
        """A version."""
        await self._fuse.before("vault.read")
        if self.trouble:
            raise self.trouble.pop(0)
        found = [written for written in self.secrets[name] if not version or written.version.version == version]
        if found and not found[-1].enabled:
            raise SecretDisabled(f"{name} is disabled")
        return found[-1].version if found else None

    async def write(
        self, vault: str, name: str, value: str, *, tags: Mapping[str, str], expires_on: datetime | None
    ) -> SecretVersion:
        """Write a new version."""
        await self._fuse.before(f"vault.write {name}")
        await self.recover(vault, name)
        written = self.put(name, value, tags=tags, expires_on=expires_on)
        self._fuse.after("vault.write")
        return written

    async def recover(self, vault: str, name: str) -> bool:
        """Take a secret out of soft delete."""
        if name not in self.deleted:
            return False
        await self._fuse.before(f"vault.recover {name}")
        self.secrets[name] = self.deleted.pop(name)
        self._fuse.after(f"vault.recover {name}")
        return True

    async def disable(self, vault: str, name: str, version: str) -> None:
        """Disable a version."""
        await self._fuse.before("vault.disable")
        for written in self.secrets[name]:
            if written.version.version == version:
                written.enabled = False
        self._fuse.after("vault.disable")


class FakeCredentialSets(FakeRegistries, CredentialSets):
    """A registry whose credential sets log in to the fake Docker Hub with what they read from the fake vault.

    Attributes:
        blind: ACR calls every set unhealthy, whatever it is.
    """

    def __init__(
        self, registry_id: str, vault_access: FakeVaultAccess, *, hub: FakeHub, vaults: FakeVaults, fuse: Fuse
    ) -> None:
        super().__init__(registry_id, vault_access)
        self.blind = False
        self.pointed: list[tuple[str, str]] = []
        self._hub = hub
        self._vaults = vaults
        self._fuse = fuse

    async def point_credential_set(self, registry_id: str, name: str, username_secret: str, token_secret: str) -> None:
        """Have a set read these secrets."""
        await self._fuse.before("arm.point")
        self.pointed.append((username_secret, token_secret))
        sets = self.held[registry_id].sets
        sets[name] = msgspec.structs.replace(sets[name], username_secret=username_secret, token_secret=token_secret)
        self._fuse.after("arm.point")

    def login_of(self, found: CredentialSet) -> Login:
        """What a set logs in with."""
        return Login(self._vaults.value(found.username_secret), self._vaults.value(found.token_secret))

    def _with_health(self, credential_set: CredentialSet) -> CredentialSet:
        known = super()._with_health(credential_set)
        if not any(self._vaults.secrets.values()):
            return known
        healthy = not self.blind and self._hub.accepts(self.login_of(credential_set))
        return msgspec.structs.replace(known, healthy=healthy, health_code="" if healthy else "Unhealthy")


class MemoryRotations(Rotations):
    """Rotations in memory."""

    def __init__(self, fuse: Fuse | None = None, clock: Clock | None = None) -> None:
        self._records = MemoryRecords(Rotation, clock)
        self._watches = MemoryRecords(Watch)
        self._fuse = fuse or Fuse()

    async def latest(self, credential: str) -> Stored[Rotation] | None:
        """The newest rotation of a credential."""
        found = [s async for s in self._records.all() if s.value.credential == credential]
        return max(found, key=lambda stored: stored.value.number, default=None)

    async def history(self, credential: str) -> AsyncIterator[Rotation]:
        """All rotations of a credential, the newest first."""
        found = [s.value async for s in self._records.all() if s.value.credential == credential]
        for rotation in sorted(found, key=lambda rotation: -rotation.number):
            yield rotation

    async def insert(self, rotation: Rotation) -> Stored[Rotation]:
        """Store a new rotation; raises `Changed` when its number is taken."""
        return await self._records.insert(rotation.id, rotation)

    async def replace(self, stored: Stored[Rotation], rotation: Rotation) -> Stored[Rotation]:
        """Replace a rotation as it was read; raises `Changed` when it was changed since."""
        await self._fuse.before(f"record {rotation.state}")
        written = await self._records.replace(rotation.id, stored.etag, rotation)
        self._fuse.after("record")
        return written

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, but for the newest of each credential."""
        found = [stored.value async for stored in self._records.all()]
        newest = {rotation.credential: rotation.id for rotation in sorted(found, key=lambda one: one.number)}
        return await self._records.prune(before, most, lambda rotation: rotation.id not in newest.values())

    async def watch(self, credential: str) -> Stored[Watch] | None:
        """What is remembered about a credential, None when nothing is."""
        return await self._watches.get(credential)

    async def save_watch(self, credential: str, stored: Stored[Watch] | None, watch: Watch) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""
        await self._watches.save(credential, stored, watch)

    async def text(self) -> str:
        """Everything that is stored, as it is stored."""
        kept = [msgspec.json.encode(stored.value).decode() async for stored in self._records.all()]
        return "".join(kept + [msgspec.json.encode(stored.value).decode() async for stored in self._watches.all()])


class MemorySamples(Samples):
    """Readings in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._records = MemoryRecords(_Sample, clock)

    async def add(self, window: str, reading: Reading) -> None:
        """Keep a reading."""
        await self._records.put(f"{window} {reading.at.timestamp()}", _Sample(window, reading))

    async def recent(self, window: str, since: datetime) -> tuple[Reading, ...]:
        """The readings of a window since a time, oldest first."""
        kept = [stored.value async for stored in self._records.all()]
        found = [one.reading for one in kept if one.window == window and one.reading.at >= since]
        return tuple(sorted(found, key=lambda reading: reading.at))

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        return await self._records.prune(before, most)


class _Sample(msgspec.Struct, frozen=True):
    """A reading of a window."""

    window: str
    reading: Reading
