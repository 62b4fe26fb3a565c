"""Real answers of the whole app against the schemas of the OpenAPI document that it serves."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import jsonschema
import msgspec

from functions.api_routes import ROUTES
from sandbox.demo.stage import Stage
from sandbox.waiting import until
from shared.adapters.queues import StorageQueue
from shared.adapters.storage import StorageAccount
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, settled


class Caller:
    """Calls routes, and holds every answer against the document."""

    def __init__(self, stage: Stage, document: Mapping[str, Any], session: aiohttp.ClientSession) -> None:
        self._stage = stage
        self._document = document
        self._session = session
        self.seen: set[tuple[str, str]] = set()

    async def call(
        self, name: str, *, status: int, body: object = None, with_key: bool = True, query: str = "", **named: str
    ) -> Any:
        """Call a route by its function's name; the body as JSON, or as text where it is none."""
        [route] = [route for route in ROUTES if route.name == name]
        url = f"{self._stage.host.url}/api/{route.path.format(**named)}{query}"
        headers = {"x-functions-key": self._stage.host.keys.function} if with_key else {}
        data = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        async with self._session.request(route.method, url, headers=headers, data=data) as answer:
            content = await answer.read()
            assert answer.status == status, (name, answer.status, content[:500])
            media = answer.content_type
        operation = self._document["paths"][f"/api/{route.path}"][route.method.lower()]
        described = operation["responses"][str(status)]
        self.seen.add((name, str(status)))
        if "content" not in described:
            assert content == b""
            return None
        schema = described["content"][media]["schema"]
        if media.startswith("application/x-ndjson"):
            lines = [msgspec.json.decode(line) for line in content.splitlines()]
            assert lines
            for line in lines:
                self._check(line, schema)
            return lines
        told = msgspec.json.decode(content) if media.endswith("json") else content.decode()
        self._check(told, schema)
        return told

    def _check(self, told: object, schema: Mapping[str, Any]) -> None:
        """Strictly: a field that the schema does not name is one that nobody is told of."""
        components = self._document["components"]
        validator = jsonschema.Draft202012Validator({**schema, "components": components})
        validator.validate(told)


def closed(schema: Any) -> Any:
    """The document with `additionalProperties: false` in every object that has named properties and no open rest."""
    if isinstance(schema, dict):
        made = {key: closed(value) for key, value in schema.items()}
        if schema.get("type") == "object" and "properties" in schema and "additionalProperties" not in schema:
            made["additionalProperties"] = False
        return made
    return [closed(one) for one in schema] if isinstance(schema, list) else schema


class TestAnswers:
    """One story that calls every route."""

    async def test_they_are_what_the_document_says(self, open_stage: OpenStage, storage_account: str) -> None:
        """What works and what is refused, of each route."""

        def asks_first(policy: str) -> str:
            return policy.replace("mode: enforce", "mode: approve")

        async with open_stage(policy_edit=asks_first) as stage, aiohttp.ClientSession() as session:
            caller = Caller(stage, closed(await stage.get("openapi.json")), session)
            await caller.call("openapi", status=200)
            await caller.call("health", status=200, with_key=False)
            await caller.call("incidents", status=401, with_key=False)
            await exhaust_and_fail(stage, "nginx:1.27", "redis:7")
            await fire(stage)
            await _answer(caller)
            await settled(stage, 2)
            await _ask(caller, stage)
            await _bury(caller, storage_account)
            await _refuse(caller)

        unseen = {
            (route.name, str(int(status)))
            for route in ROUTES
            for status in (route.answers.status, *route.problems)
            if (route.name, str(int(status))) not in caller.seen
        }
        assert unseen == set()


async def _answer(caller: Caller) -> None:
    """A person agrees to one plan, and not to the other."""
    keys: list[str] = []

    async def asked() -> bool:
        found = await caller.call("incidents", status=200)
        keys[:] = [each["id"] for each in found if each["state"] == "awaiting_approval"]
        return len(keys) == 2

    await until(asked, seconds=60, every_s=0.1)
    wanted, unwanted = keys
    report = await caller.call("incident", status=200, id=wanted)
    answer = {"by": "me", "plan": report["incident"]["proposal"]["plan"], "why": "a test"}
    await caller.call("approve", status=409, id=wanted, body={**answer, "plan": "another"})
    await caller.call("reject", status=409, id=wanted, body={**answer, "plan": "another"})
    await caller.call("reject", status=200, id=unwanted, body={"by": "me"})
    await caller.call("approve", status=200, id=wanted, body=answer)


async def _ask(caller: Caller, stage: Stage) -> None:
    """What is known and what would be."""
    alert = stage.world.exchanges.exchanges("alerts")[0].request_body
    assert (await caller.call("alerts", status=202, body=alert))["duplicate"]
    for incident in await caller.call("incidents", status=200):
        assert (await caller.call("incident", status=200, id=incident["id"]))["notices"]
    text = 'Failed to pull image "nginx:1.27": 429 Too Many Requests - Server message: toomanyrequests'
    await caller.call("explain", status=200, body={"text": text})
    failures = ["nginx:1.27", "redis:7", "evil/app:1", "ghcr.io/x/y"]
    await caller.call("plan", status=200, body={"registry": "contoso", "failures": failures})
    assert (await caller.call("mirrors", status=200))["mappings"]
    for form in ("json", "containerd", "kyverno", "kustomize"):
        await caller.call("mirrors", status=200, query=f"?format={form}")
    page = await caller.call("notices", status=200, query="?limit=1")
    await caller.call("notices", status=200, query=f"?after={page['next']}" if page["next"] else "")
    for name in ("channels", "deliveries", "checkup", "audit", "rotation_overview"):
        await caller.call(name, status=200)
    await caller.call("rotate", status=202, credential="hub", body={"dry_run": True})
    await caller.call("rotate", status=202, credential="hub")
    await caller.call("rotation", status=200, credential="hub")


async def _bury(caller: Caller, storage_account: str) -> None:
    """A message that was given up, and its way back."""
    queue = StorageQueue(StorageAccount(connection_string=storage_account))
    await queue.send("notifications-poison", b'{"type": "notification", "subject": "incidents/x", "row": "x"}')
    await queue.aclose()
    letters: list[Any] = []

    async def buried() -> bool:
        letters[:] = await caller.call("dead_letters", status=200)
        return bool(letters)

    await until(buried, seconds=60, every_s=0.1)
    await caller.call("dead_letter", status=200, id=letters[0]["id"])
    await caller.call("replay", status=200, id=letters[0]["id"])
    await caller.call("replay", status=409, id=letters[0]["id"])


async def _refuse(caller: Caller) -> None:
    """What is wrong with a request, in the one form of errors."""
    await caller.call("alerts", status=400, body=b"{")
    await caller.call("alerts", status=413, body=b" " * 300_000)
    for name, query in (("incidents", "limit=0"), ("notices", "kind=x"), ("mirrors", "format=x"), ("audit", "from=x")):
        await caller.call(name, status=400, query=f"?{query}")
    for name in ("approve", "reject"):
        await caller.call(name, status=400, id="x", body=b"{")
        await caller.call(name, status=404, id="0123456789ab-0123456789abcdef", body={"by": "me", "plan": "x"})
    await caller.call("incident", status=404, id="0123456789ab-0123456789abcdef")
    for name in ("explain", "plan"):
        await caller.call(name, status=400, body=b"[]")
    await caller.call("plan", status=404, body={"registry": "x", "failures": []})
    await caller.call("mirrors", status=404, query="?registry=x")
    await caller.call("dead_letter", status=404, id="x")
    await caller.call("replay", status=404, id="x")
    await caller.call("rotate", status=400, credential="hub", body=b"[]")
    await caller.call("rotate", status=404, credential="x")
    await caller.call("rotation", status=404, credential="x")
