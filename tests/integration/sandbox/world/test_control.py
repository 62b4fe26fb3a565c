"""The control API over plain HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from sandbox import scenario
from sandbox.control import bodies
from sandbox.frame.faults import FaultRule
from sandbox.monitor.rules import AlertRule
from sandbox.topic.delivery import Subscription
from sandbox.world import World


class Control:
    """A client of the control API."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        async with self._session.request(method, path, json=body) as response:
            return response.status, await response.json(content_type=None) if response.status != 204 else None

    async def state(self, part: str) -> Any:
        """A part of the world's state."""
        status, document = await self.call("GET", f"/state/{part}")
        assert status == 200, document
        return document


@pytest.fixture
async def control(world: World) -> AsyncIterator[Control]:
    """The control API of a world."""
    async with aiohttp.ClientSession(world.urls.control) as session:
        yield Control(session)


class TestState:
    """Seeding and reading."""

    async def test_shows_what_it_seeded(self, control: Control) -> None:
        """Rules, credential sets, secrets, accounts and images are in the state, without what opens doors."""
        await control.call("POST", "/state/secrets", {"name": "user", "value": "somebody", "tags": {"by": "test"}})
        await control.call("POST", "/state/secrets", {"name": "pass", "value": "open sesame"})
        seeded = {"name": "their-login", "username_secret": "user", "token_secret": "pass"}
        assert (await control.call("POST", "/state/credential-sets", seeded))[0] == 201
        rule = {
            "name": "nginx-rule",
            "source": "docker.io/library/nginx",
            "target": "n",
            "credential_set": "their-login",
        }
        assert (await control.call("POST", "/state/rules", rule))[0] == 201
        status, image = await control.call(
            "POST", "/state/hub/images", {"repository": "a/b", "tag": "1", "architectures": ["amd64", "arm64"]}
        )

        whole = (await control.call("GET", "/state"))[1]

        assert (status, image["digest"][:7]) == (201, "sha256:")
        assert whole["registry"]["rules"] == [rule]
        assert whole["registries"] == [whole["registry"]]
        assert [(one["name"], one["healthy"]) for one in whole["registry"]["credential_sets"]] == [
            ("their-login", False)
        ]
        assert next(one for one in whole["vault"] if one["name"] == "user")["tags"] == {"by": "test"}
        assert whole["hub"]["images"]["a/b"] == ["1"]
        assert "open sesame" not in str(whole)

    async def test_sees_a_credential_set_become_healthy(self, control: Control) -> None:
        """With the scenario's own secrets the set works; with a token that Docker Hub forgot it no longer does."""
        names = {"username_secret": scenario.SECRETS.username, "token_secret": scenario.SECRETS.token}
        await control.call("POST", "/state/credential-sets", {"name": "hub-login", **names})
        healthy = (await control.state("registry"))["credential_sets"][0]["healthy"]
        (account,) = (await control.state("hub"))["accounts"]

        await control.call("DELETE", f"/state/hub/tokens/{scenario.ACCOUNT}/{account['tokens'][0]['uuid']}")

        assert (healthy, (await control.state("registry"))["credential_sets"][0]["healthy"]) == (True, False)

    async def test_moves_the_clock(self, control: Control, world: World) -> None:
        """An exhausted window is open again when its hours have passed."""
        await control.call("POST", "/state/hub/exhaust", {"source": "127.0.0.2"})
        used = (await control.state("hub"))["anonymous_pulls_left"]["127.0.0.2"]

        await control.call("POST", "/state/clock", {"seconds": 6 * 3600})

        assert (used, (await control.state("hub"))["anonymous_pulls_left"]["127.0.0.2"]) == (0, 100)
        assert world.clock().isoformat()[:13] == (await control.state("clock"))[:13]

    async def test_says_why_a_pod_does_not_run(self, control: Control) -> None:
        """The registry's words, as the kubelet would log them; nothing when it runs."""
        _, runs = await control.call("POST", "/state/pods", {"image": "nginx:1.27"})
        await control.call("POST", "/state/hub/exhaust", {"source": "127.0.0.2"})
        _, fails = await control.call("POST", "/state/pods", {"image": "nginx:1.27"})

        assert (runs["running"], runs["why"]) == (True, None)
        assert (fails["running"], fails["digest"]) == (False, None)
        assert "429 TOOMANYREQUESTS" in fails["why"]

    @pytest.mark.parametrize("operation", ["exhaust", "reset"])
    async def test_a_source_that_nobody_is_is_refused(self, control: Control, operation: str) -> None:
        """A misspelt account would exhaust nobody; a known one and any address are taken."""
        path = f"/state/hub/{operation}"
        status, refused = await control.call("POST", path, {"source": "contosobott"})

        assert (status, scenario.ACCOUNT in refused["error"]["message"]) == (400, True)
        assert (await control.call("POST", path, {"source": scenario.ACCOUNT}))[0] == 204
        assert (await control.call("POST", path, {"source": "10.0.0.9"}))[0] == 204

    async def test_appends_log_rows(self, control: Control, world: World) -> None:
        """Rows are in the workspace at once."""
        status, answer = await control.call("POST", "/logs/KubeEvents", [{"Message": "a"}, {"Message": "b"}])

        result = await world.workspace.query("KubeEvents | count")
        assert (status, answer, result.rows) == (201, {"appended": 2}, [[2]])

    @pytest.mark.parametrize(
        ("method", "path", "body", "text"),
        [
            ("POST", "/faults", {"service": "arm", "statos": 500}, "statos"),
            ("POST", "/faults", {"service": "arm"}, "needs one of hold"),
            ("POST", "/faults", {"status": 99}, "$.status"),
            ("DELETE", "/faults/fault-9", None, "no fault 'fault-9'"),
            ("POST", "/logs/Nowhere", [{}], "no table 'Nowhere'"),
            ("POST", "/logs/KubeEvents", [{"Image": "x"}], "no column 'Image'"),
            ("POST", "/logs/KubeEvents", {"Message": "x"}, "array"),
            ("POST", "/state/rules", {"name": "a"}, "source"),
            ("POST", "/state/rules", {"name": "-", "source": "docker.io/a/b", "target": "b"}, ""),
            ("POST", "/state/hub/tokens", {"username": "nobody"}, "no account 'nobody'"),
            ("POST", "/state/hub/limits", {"anonymous": {"count": 1}}, "seconds"),
            ("POST", "/state/clock", {"seconds": -1}, "$.seconds"),
            ("POST", "/state/alerts/evaluate", {"rule": "nothing"}, "no alert rule 'nothing'"),
            ("POST", "/state/alerts", {"data": {"essentials": {"alertId": "x"}}}, "no host"),
            ("POST", "/state/subscriptions", {"name": "a"}, "function"),
            ("DELETE", "/state/rules/nothing", None, "no cache rule"),
            ("GET", "/state/weather", None, "no state 'weather'"),
            ("GET", "/exchanges?servise=arm", None, "servise"),
            ("GET", "/elsewhere", None, "no operation GET /elsewhere"),
        ],
    )
    async def test_says_what_is_wrong_with_a_request(
        self, control: Control, method: str, path: str, body: Any, text: str
    ) -> None:
        """A field, name or value that means nothing is refused, and the answer says which."""
        status, answer = await control.call(method, path, body)

        assert (status // 100, text in answer["error"]["message"]) == (4, True), answer


class TestFaults:
    """Faults by HTTP."""

    async def test_holds_a_request_until_told(self, control: Control, world: World) -> None:
        """A held request can be waited for and released; an unknown fault, or nothing held in time, is an error."""
        _, fault = await control.call("POST", "/faults", {"service": "hub", "hold": True, "times": 1})
        path = f"/faults/{fault['id']}"
        early, _ = await control.call("GET", f"{path}/held?timeout_s=0.01")

        async with asyncio.TaskGroup() as tasks:
            request = tasks.create_task(_get(world, world.urls.hub + "/v2/nothing"))
            _, held = await control.call("GET", f"{path}/held?count=1&timeout_s=30")
            await control.call("POST", f"{path}/release")
            status = await request

        _, listed = await control.call("GET", "/faults")
        assert (early, held, status) == (408, [{"service": "hub", "method": "GET", "path": "/v2/nothing"}], 404)
        assert [(one["matched"], one["fired"]) for one in listed] == [(1, 1)]

    async def test_words_a_refusal_as_the_service_does(self, control: Control, world: World) -> None:
        """A status without a body is the service's error document; the control API itself is never hit."""
        await control.call("POST", "/faults", {"status": 429, "headers": {"Retry-After": "3"}})

        status = await _get(world, world.urls.logs + "/v1/workspaces/x/query")
        (line,) = world.exchanges.exchanges("logs")

        assert (status, line.response_headers["Retry-After"]) == (429, "3")
        assert line.response_body["error"]["code"] == "InjectedFault"

    async def test_filters_the_exchange_log(self, control: Control, world: World) -> None:
        """By service, method and path; the control API's own requests are not in it."""
        for url in (world.urls.hub, world.urls.hub_auth):
            await _get(world, url + "/nothing")

        names = [exchange.service for exchange in world.exchanges.exchanges()]
        _, found = await control.call("GET", "/exchanges?service=hub&method=GET&path=nothing")

        assert (names, found["service"]) == (["hub", "hub_auth"], "hub")


async def _get(world: World, url: str) -> int:
    connector = aiohttp.TCPConnector(ssl=world.certificates.client_context())
    async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as response:
        return response.status


class TestReadme:
    """The README's table of the control API."""

    def test_shows_bodies_that_are_taken(self) -> None:
        """Every example in the table is a body that its operation takes: no misspelt field, no wrong type."""
        readme = (Path(__file__).parents[4] / "sandbox/README.md").read_text(encoding="utf-8")
        shapes: dict[str, Any] = {
            "/faults": FaultRule,
            "/logs/{table}": list[dict[str, Any]],
            "/state/rules": bodies.NewRule,
            "/state/credential-sets": bodies.NewCredentialSet,
            "/state/secrets": bodies.NewSecret,
            "/state/arm": bodies.ArmChange,
            "/state/hub/accounts": bodies.NewAccount,
            "/state/hub/tokens": bodies.NewToken,
            "/state/hub/images": bodies.NewImage,
            "/state/hub/exhaust": bodies.Source,
            "/state/hub/limits": bodies.Limits,
            "/state/pods": bodies.NewPod,
            "/state/sinks": bodies.NewReceiver,
            "/state/clock": bodies.Advance,
            "/state/alert-rules": AlertRule,
            "/state/alerts/evaluate": bodies.Evaluation,
            "/state/subscriptions": Subscription,
            "/state/events": bodies.Event,
            "/state/host": bodies.Host,
        }

        examples = dict(re.findall(r"^\| `POST ([^`\s]+)`[^|]*\| `([\[{].*?[\]}])`", readme, re.MULTILINE))

        assert examples.keys() == shapes.keys()
        for path, example in examples.items():
            msgspec.json.decode(example, type=shapes[path])
