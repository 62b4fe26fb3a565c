"""The application on fakes with a credential that works: what tests of rotation begin with, and the laws they hold."""

from datetime import datetime

import msgspec

from shared.application.messages import NOTIFICATIONS, ROTATIONS, read_notification, read_rotation
from shared.application.rotation_ports import Login
from shared.domain.cache_rules import CacheRule
from shared.domain.incidents import Incident, IncidentState, Proof, incident_id
from shared.domain.notices import Notice
from shared.domain.policy_credentials import Credential
from shared.domain.registries import CredentialSet
from shared.domain.rotation import Rotation, label_prefix, next_secret
from shared.errors import TemporaryError
from tests.fakes.application import POLICY, REGISTRY, TestApplication
from tests.fakes.azure import LOGIN_SERVER
from tests.fakes.credentials import PASSWORD
from tests.fakes.fuse import Killed

FIRST_TEXT = "dckr_pat_made-by-hand"
SET = "docker-io-hub"
NEXT = next_secret("dockerhub-token")
TARGET = "docker-hub/library/nginx"
ORGANIZATION_POLICY = POLICY.replace(
    "provider: personal",
    "provider: organization\n    organization: contoso-org\n    owner_username_secret: dockerhub-owner-name",
)
ASSISTED_POLICY = POLICY.replace("provider: personal", "provider: assisted").replace(
    "    owner_secret: dockerhub-owner\n", ""
)


def served_incident(registry_id: str, login_server: str, now: datetime) -> Incident:
    """An incident that was cured by the rule `nginx`."""
    source, image = "docker.io/library/nginx", "docker.io/library/nginx:1.27"
    return Incident(
        id=incident_id(registry_id, source),
        registry_id=registry_id,
        source=source,
        state=IncidentState.VERIFIED,
        opened_at=now,
        updated_at=now,
        active_since=now,
        first_seen=now,
        last_seen=now,
        rule="nginx",
        proofs=(Proof(image, f"{login_server}/{TARGET}:1.27", "sha256:" + "0" * 64, "cache", now),),
    )


class RotatingApplication(TestApplication):
    """A registry that caches Docker Hub with a token that a person made by hand."""

    __test__ = False

    def __init__(self, policy: str = POLICY) -> None:
        super().__init__(policy)
        self.policy = policy
        self.most_bad_logins = 2
        self.by_hand = self.hub.add("contosobot", "made by hand", FIRST_TEXT)
        self.vaults.put("dockerhub-username", "contosobot")
        self.vaults.put("dockerhub-token", FIRST_TEXT)
        self.vaults.put("dockerhub-owner", PASSWORD)
        self.vaults.put("dockerhub-owner-name", "contosobot")
        self.hub.owners["contoso-org"] = "contosobot"
        self.credential: Credential = self.app.rotating.credential("hub")
        username, token = self.credential.secret_ids
        self.registries.sets[SET] = CredentialSet(SET, "docker.io", username, token, principal_id="p")
        self.registries.rules["nginx"] = CacheRule("nginx", "docker.io/library/nginx", TARGET, SET)

    async def seed(self) -> None:
        """An incident whose image was served: what is pulled to prove that the cache works."""
        await self.incidents.insert(served_incident(REGISTRY, LOGIN_SERVER, self.clock.now()))

    async def once(self) -> bool:
        """Handle the messages that wait, a killed worker's again and later; whether there were any."""
        bodies = self.queue.take(ROTATIONS)
        for body in bodies:
            try:
                await self.app.rotating.handle(read_rotation(body))
            except (Killed, TemporaryError):
                self.fuse.mend()
                self._end_lease()
                await self.queue.send(ROTATIONS, body)
        return bool(bodies)

    async def rotate(self) -> Rotation:
        """Work until the rotation is settled or waits for a person."""
        for _ in range(100):
            self.clock.advance(max((m.delay_s for m in self.queue.sent if m.queue == ROTATIONS), default=0))
            if not await self.once():
                break
        found = await self.app.rotating.latest("hub")
        assert found is not None
        return found

    async def told(self) -> list[Notice]:
        """What people were told."""
        for body in self.queue.take(NOTIFICATIONS):
            await self.app.notification.deliver(read_notification(body))
        return list(self.topic.sent)

    def ours(self, name: str = "contosobot") -> list[str]:
        """The ids of our tokens that Docker Hub has."""
        prefix = label_prefix(self.credential)
        return [token.id for token in self.hub.listed[name].values() if token.label.startswith(prefix)]

    def check_laws(self) -> None:
        """What holds at every instant: ACR reads a pair that Docker Hub accepts, and a stranger's token stays."""
        login = self.registries.login_of(self.registries.sets[SET])
        assert self.hub.accepts(login), "what the registry reads is refused"
        assert self.by_hand.id in self.hub.listed["contosobot"]
        assert max(self.hub.bad_logins.values(), default=0) <= self.most_bad_logins

    async def check_secrecy(self) -> None:
        """No token's text is anywhere but in the vault."""
        notices = msgspec.json.encode([msgspec.to_builtins(notice) for notice in await self.told()]).decode()
        kept = await self.rotations.text() + notices
        for text in (*self.hub.texts.values(), PASSWORD):
            assert text not in kept

    def check_end(self, name: str = "contosobot") -> None:
        """What holds at the end: one token of ours, which is live; the staged copy can't be read."""
        login = Login(self.vaults.current("dockerhub-username").value, self.vaults.current("dockerhub-token").value)
        assert self.hub.accepts(login)
        [only] = self.ours(name)
        assert self.hub.texts[only] == login.secret
        assert not self.vaults.value(f"x/secrets/{next_secret(self.credential.token_secret)}")
        username, token = self.credential.secret_ids
        found = self.registries.sets[SET]
        assert (found.username_secret, found.token_secret) == (username, token)

    def _end_lease(self) -> None:
        """A killed worker's lease ends by itself, a minute later."""
        self.clock.advance(120)


async def made(policy: str | None = None) -> RotatingApplication:
    """An application with a credential that works."""
    world = RotatingApplication() if policy is None else RotatingApplication(policy)
    await world.seed()
    return world
