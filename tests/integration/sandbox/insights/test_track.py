"""Application Insights' ingestion: what it takes, and from whom."""

import gzip
import ssl
from typing import Any

import aiohttp
import msgspec
import pytest

from sandbox import scenario
from sandbox.arm.roles import MONITORING_METRICS_PUBLISHER
from sandbox.insights.models import INSTRUMENTATION_KEY
from sandbox.world import World


def envelope(**changed: Any) -> dict[str, Any]:
    """A span as an exporter sends it."""
    data = {"baseType": "RemoteDependencyData", "baseData": {"name": "survey"}}
    return {"iKey": INSTRUMENTATION_KEY, "tags": {"ai.operation.id": "t1"}, "data": data} | changed


def token(world: World, *, audience: str = "https://monitor.azure.com", principal: str = "") -> str:
    """A token of the app's identity, or of somebody else's."""
    identity = world.app_identity
    return world.tokens.issue(
        audience=audience, principal_id=principal or identity.object_id, client_id=identity.client_id
    )


async def track(world: World, body: bytes, bearer: str, *, path: str = "/v2.1/track") -> tuple[int, Any]:
    """Post telemetry; the status and the answer."""
    tls = ssl.create_default_context(cafile=world.certificates.ca)
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.urls.insights}{path}", data=body, headers=headers, ssl=tls) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


class TestTaking:
    """What is taken."""

    @pytest.mark.parametrize("form", ["array", "lines", "gzip"])
    @pytest.mark.parametrize("path", ["/v2.1/track", "////v2.1/track"])
    async def test_every_form(self, world: World, form: str, path: str) -> None:
        """An array, an object a line, and either of them compressed."""
        array = msgspec.json.encode([envelope(), envelope()])
        lines = b"\n".join(msgspec.json.encode(envelope()) for _ in range(2))
        body = {"array": array, "lines": lines, "gzip": gzip.compress(lines)}[form]

        status, answer = await track(world, body, token(world), path=path)

        assert (status, answer) == (200, {"itemsReceived": 2, "itemsAccepted": 2, "errors": []})
        assert [(item.name, item.operation) for item in world.insights.spans()] == [("survey", "t1")] * 2


class TestRefusing:
    """What is not."""

    async def test_who_may_not_send(self, world: World) -> None:
        """No token and one for another service 401, a principal without the role 403; nothing is kept."""
        body = msgspec.json.encode([envelope()])
        stranger = world.directory.create("stranger", resource_id="/subscriptions/s/x").object_id

        assert (await track(world, body, ""))[0] == 401
        assert (await track(world, body, token(world, audience="https://vault.azure.net")))[0] == 401
        assert (await track(world, body, token(world, principal=stranger)))[0] == 403
        assert list(world.insights.items) == []

        world.access.grant(stranger, MONITORING_METRICS_PUBLISHER, scenario.INSIGHTS_ID)
        assert (await track(world, body, token(world, principal=stranger)))[0] == 200

    @pytest.mark.parametrize(
        "body",
        [b"{", msgspec.json.encode([envelope(iKey="x")]), msgspec.json.encode([envelope(data={"baseType": "X"})])],
        ids=["no JSON", "another component", "unknown kind"],
    )
    async def test_what_is_no_telemetry(self, world: World, body: bytes) -> None:
        """400, and nothing of it is kept."""
        status, answer = await track(world, body, token(world))

        assert (status, answer["itemsAccepted"]) == (400, 0)
        assert list(world.insights.items) == []
