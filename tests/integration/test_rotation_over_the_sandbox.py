"""Rotations with the real adapters against the whole sandbox: every call meets the rules of the real services."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from sandbox import scenario
from sandbox.hub.accounts import Plan
from sandbox.hub.logins import BAD_LOGINS
from sandbox.world import World
from shared.adapters.arm import ArmRegistries
from shared.adapters.docker_hub import HubApi
from shared.adapters.key_vault import KeyVaults
from shared.adapters.registry_content import AcrContent
from shared.application.assembly import Application, Patience, assemble
from shared.application.messages import ROTATIONS, read_rotation
from shared.application.remediation import Pace
from shared.domain.policy_file import load_policy
from shared.domain.rotation import Rotation, RotationState, Trigger, label_prefix
from tests.fakes.application import TestApplication
from tests.fakes.rotation import TARGET, served_incident
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.cloud.support import PrincipalCredential

ORGANIZATION = "contoso-org"


class Sandboxed(msgspec.Struct):
    """The application with real adapters and stores in memory."""

    world: World
    app: Application
    stores: TestApplication

    async def rotate(self, trigger: Trigger = Trigger.PERSON) -> Rotation:
        """Begin a rotation, and work until it is settled or waits for a person."""
        await self.app.rotating.start("hub", trigger)
        for _ in range(50):
            delay = max((m.delay_s for m in self.stores.queue.sent if m.queue == ROTATIONS), default=0)
            self.stores.clock.advance(delay)
            bodies = self.stores.queue.take(ROTATIONS)
            if not bodies:
                break
            for body in bodies:
                await self.app.rotating.handle(read_rotation(body))
        found = await self.app.rotating.latest("hub")
        assert found is not None
        return found

    async def works(self) -> bool:
        """Whether the registry's credential set is healthy."""
        [registry] = self.world.arm.registries()
        [found] = registry.credential_sets.values()
        return (await self.world.arm.health(found)).healthy


@pytest_asyncio.fixture(params=["personal", "organization"])
async def sandboxed(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> AsyncIterator[Sandboxed]:
    """The application, and a registry that caches with the credential of the scenario."""
    text = world.write_policy(tmp_path / "policy.yaml").read_text(encoding="utf-8")
    if request.param == "organization":
        world.hub.add_organization(ORGANIZATION, owners=frozenset({scenario.ACCOUNT}), plan=Plan.TEAM)
        world.vault.write("dockerhub-owner-name", scenario.ACCOUNT)
        more = f"organization\n    organization: {ORGANIZATION}\n    owner_username_secret: dockerhub-owner-name"
        text = text.replace("provider: personal", f"provider: {more}")
    stores, ca = TestApplication(), str(session_certificates().ca)
    stores.clock.advance((world.clock() - stores.clock.now()).total_seconds())
    identity: Any = PrincipalCredential(world.tokens, world.app_identity)
    async with AsyncExitStack() as closing:
        tls = session_certificates().client_context()
        hub = HubApi(api=world.urls.hub, auth=world.urls.hub_auth, registry=world.urls.hub_registry, tls=tls)
        vaults = KeyVaults(identity, connection_verify=ca)
        arm = ArmRegistries(identity, endpoint=world.urls.arm, poll_s=0.01, connection_verify=ca)
        content = AcrContent(identity, connection_verify=ca)
        for adapter in (hub, vaults, arm, content):
            closing.push_async_callback(adapter.aclose)
        ports = msgspec.structs.replace(
            stores.ports(), hub=hub, vaults=vaults, registries=arm, credential_sets=arm, content=content
        )
        policy = load_policy(text, path="policy.yaml")
        await seed(world)
        await stores.incidents.insert(served_incident(scenario.REGISTRY_ID, world.login_server, stores.clock.now()))
        yield Sandboxed(world, assemble(policy, ports, pace=Pace(), patience=Patience()), stores)


async def seed(world: World) -> None:
    """A credential set that reads the scenario's secrets, and a rule with it."""
    async with aiohttp.ClientSession(world.urls.control, raise_for_status=True) as control:
        names = {"username_secret": "dockerhub-username", "token_secret": "dockerhub-token", "grant": True}
        await control.post("/state/credential-sets", json={"name": "hub-login", **names})
        rule = {"source": "docker.io/library/nginx", "target": TARGET, "credential_set": "hub-login"}
        await control.post("/state/rules", json={"name": "nginx", **rule})


class TestRotation:
    """The whole of it."""

    async def test_twice(self, sandboxed: Sandboxed) -> None:
        """After two rotations there is one token of ours, which works; everything else is as it was."""
        first, second = await sandboxed.rotate(), await sandboxed.rotate(Trigger.SCHEDULE)

        assert (first.state, second.state) == (RotationState.SUCCEEDED,) * 2, "\n".join(
            f"{e.event} {e.text}" for e in (*first.timeline, *second.timeline)
        )
        assert await sandboxed.works()
        assert "nginx:1.27 was served" in second.proofs[0]
        hub = sandboxed.world.hub
        prefix = label_prefix(sandboxed.app.rotating.credential("hub"))
        account = hub.logins.accounts[scenario.ACCOUNT]
        personal = [token.label for token in hub.personal.of(account)]
        organization = hub.logins.organizations.get(ORGANIZATION)
        made = [token.label for token in hub.organization.of(organization)] if organization else []
        assert "made by hand" in personal
        assert [label for label in (*personal, *made) if label.startswith(prefix)] == [f"{prefix}2"]

    async def test_a_second_factor(self, sandboxed: Sandboxed) -> None:
        """A person is asked after one login, however often it is tried, and the old token stays."""
        sandboxed.world.hub.logins.accounts[scenario.ACCOUNT] = msgspec.structs.replace(
            sandboxed.world.hub.logins.accounts[scenario.ACCOUNT], two_factor=True
        )
        for _ in range(BAD_LOGINS + 1):
            done = await sandboxed.rotate()

        assert (done.state, done.fallback) == (RotationState.WAITING, "owner_login_refused")
        assert len(sandboxed.world.exchanges.exchanges("hub", path="/v2/auth/token")) == 1
        assert await sandboxed.works()
