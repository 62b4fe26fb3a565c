"""The world as a whole: its parts reach each other, and what passes between them fits the services' descriptions."""

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient

from sandbox import scenario
from sandbox.arm.roles import KEY_VAULT_SECRETS_USER, OWNER
from sandbox.oci.refusals import PullRefused
from sandbox.topic.delivery import Subscription
from sandbox.world import World
from shared.domain.policy_file import load_policy
from tests.fixtures.credentials import StaticCredential
from tests.fixtures.serving import serving
from tests.integration.sandbox.topic.support import Webhook
from tests.support import shared_path

IMAGE = "jannemattila/webapp-network-tester:1.0.47"


async def control(world: World, method: str, path: str, body: Any = None, *, expect: int | None = None) -> Any:
    """The control API's answer, as JSON where it has a body; fails on another status than expected."""
    url = world.urls.control + path
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as response:
        text = await response.text()
        assert response.status == expect if expect else response.status < 300, text
        return json.loads(text) if text and "ndjson" not in response.content_type else text


async def cover(world: World) -> None:
    """A credential set and a cache rule, as somebody else would make them."""
    names = {"username_secret": scenario.SECRETS.username, "token_secret": scenario.SECRETS.token}
    await control(world, "POST", "/state/credential-sets", {"name": "hub-login", **names})
    await control(
        world,
        "POST",
        "/state/rules",
        {
            "name": "tester",
            "source": "docker.io/jannemattila/webapp-network-tester",
            "target": "docker-hub/jannemattila/webapp-network-tester",
            "credential_set": "hub-login",
        },
    )


class TestPulls:
    """From the cluster through the registry to Docker Hub."""

    async def test_serves_through_a_rule_what_docker_hub_refuses(self, world: World) -> None:
        """The cluster's pull is refused; through the registry, with its credentials, the same digest arrives."""
        before = await world.cluster.pull(IMAGE)
        await control(world, "POST", "/state/hub/exhaust", {"source": "127.0.0.2"})
        with pytest.raises(PullRefused):
            await world.cluster.pull(IMAGE)
        await cover(world)

        after = await world.cluster.pull(f"{world.login_server}/docker-hub/{IMAGE}")

        assert after.digest == before.digest

    async def test_logs_a_failed_pull_as_the_kubelet_does(self, world: World) -> None:
        """The pod's events are in KubeEvents, and the alert rule finds the cluster by them."""
        world.hub.exhaust("127.0.0.2")

        assert await world.cluster.start_pod("nginx:1.27", namespace="web") is None

        result = await world.workspace.query(scenario.ALERT_RULE.query + "| project Namespace, Message, _ResourceId")
        (row,) = result.rows
        assert (row[0], row[2]) == ("web", scenario.CLUSTER_ID.lower())
        assert "toomanyrequests" in row[1]


class TestEvents:
    """System topics' events reach the host's webhook when they happen."""

    async def test_delivers_what_happens_in_registry_and_vault(self, world: World) -> None:
        """A copy through a rule and a new version of a secret, the latter with the documentation's own quirks."""
        webhook = Webhook()
        await cover(world)

        async with serving(webhook):
            world.connect_host(webhook.base_url, function_key="", eventgrid_key="system-key")
            await world.delivery.subscribe(Subscription(name="all", function="any"))
            await world.cluster.pull(f"{world.login_server}/docker-hub/{IMAGE}")
            await control(world, "POST", "/state/secrets", {"name": "dockerhub-token", "value": "new"})
            async with asyncio.timeout(30):
                while len(webhook.received) < 3:
                    await asyncio.sleep(0.01)

        events = {event["eventType"]: event for (event,) in webhook.received}
        assert events.keys() == {
            "Microsoft.ContainerRegistry.ImagePushed",
            "Microsoft.KeyVault.SecretNewVersionCreated",
        }
        secret = events["Microsoft.KeyVault.SecretNewVersionCreated"]
        version = world.vault.secret("dockerhub-token").current.id
        assert (secret["topic"], secret["subject"]) == (scenario.VAULT_ID, "dockerhub-token")
        assert (secret["data"]["ObjectName "], secret["data"]["Version"]) == ("dockerhub-token", f" {version}")
        assert secret["data"]["Id"] == f"{world.urls.vault}/secrets/dockerhub-token/{version}"


class TestApp:
    """What the product is given."""

    async def test_writes_a_policy_that_the_product_reads(self, world: World, tmp_path: Path) -> None:
        """The scenario's policy is valid, and its addresses are the world's."""
        path = world.write_policy(tmp_path / "policy.yaml")

        policy = load_policy(path.read_text(encoding="utf-8"), path=str(path))

        assert policy.credentials["hub"].vault == world.urls.vault
        assert policy.credentials["hub"].vault_id == scenario.VAULT_ID

    async def test_gives_the_app_no_more_than_it_needs(self, world: World) -> None:
        """The app may write rules and hand out one role on the vault; it may not delete rules nor hand out others."""
        app = world.app_identity.object_id
        rules = "Microsoft.ContainerRegistry/registries/cacheRules"
        assign = ("Microsoft.Authorization/roleAssignments/write", scenario.VAULT_ID)

        assert world.access.allows(app, f"{rules}/write", scenario.REGISTRY_ID)
        assert not world.access.allows(app, f"{rules}/delete", scenario.REGISTRY_ID)
        assert world.access.allows(app, *assign, role=KEY_VAULT_SECRETS_USER.id, principal_type="ServicePrincipal")
        assert not world.access.allows(app, *assign, role=OWNER.id, principal_type="ServicePrincipal")

    async def test_names_its_addresses_in_the_environment(self, world: World, tmp_path: Path, ca: Path) -> None:
        """Every endpoint of the environment is one of the world's, and the authority is the one to trust."""
        environment = world.environment(storage="UseDevelopmentStorage=true", policy=tmp_path / "policy.yaml")

        assert environment["CACHEWARDEN_ARM_ENDPOINT"] == world.urls.arm
        assert environment["IDENTITY_ENDPOINT"] == world.urls.identity
        assert environment["SSL_CERT_FILE"] == str(ca)


class TestExchanges:
    """What the exchange log keeps of a world."""

    async def test_fits_the_services_own_descriptions(self, world: World, tmp_path: Path, ca: Path) -> None:
        """The contract check finds nothing in a world where images were pulled and secrets read, and no secret."""
        check = _contract(shared_path("../contract/check_exchanges.py"))
        await cover(world)
        await world.cluster.pull(f"{world.login_server}/docker-hub/{IMAGE}")
        token = world.tokens.issue(
            audience="https://vault.azure.net", principal_id=world.app_identity.object_id, client_id="c"
        )
        vault = SecretClient(
            world.urls.vault, StaticCredential(token), verify_challenge_resource=False, connection_verify=str(ca)
        )
        async with vault:
            value = (await vault.get_secret(scenario.SECRETS.token)).value or ""
        await _arm(world, ca)
        lines = await control(world, "GET", "/exchanges")
        (tmp_path / "exchanges.jsonl").write_text(lines)

        assert check.main(str(tmp_path / "exchanges.jsonl")) == 0
        assert len(value) > 10
        assert value not in lines
        assert token not in lines


async def _arm(world: World, ca: Path) -> None:
    token = world.tokens.issue(
        audience="https://management.azure.com", principal_id=world.app_identity.object_id, client_id="c"
    )
    client = ContainerRegistryManagementClient(
        StaticCredential(token),
        scenario.SUBSCRIPTION,
        base_url=world.urls.arm,
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=str(ca),
    )
    async with client:
        registry = await client.registries.get(scenario.GROUP, scenario.REGISTRY)
        assert registry.login_server == world.login_server
        assert [rule.name async for rule in client.cache_rules.list(scenario.GROUP, scenario.REGISTRY)] == ["tester"]


def _contract(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("check_exchanges", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
