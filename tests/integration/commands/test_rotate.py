"""`cachewarden rotate` against an app that answers as the real one does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from shared.cli import main

type Asked = list[tuple[str, str, Any]]

PLAN = {
    "credential": "hub",
    "provider": "personal",
    "steps": ["create: a", "test: b"],
    "running": None,
    "fallback": "second_factor",
}
ROTATION = {
    "credential": "hub",
    "number": 3,
    "state": "failed",
    "error": "not_adopted",
    "timeline": [{"at": "2026-11-24T12:00:00Z", "event": "rotation.started", "text": "because of person"}],
}


class App:
    """The app's address, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: Asked = []
        self.keys: list[str] = []
        self.rotations: list[Any] = [ROTATION]

    async def answer(self, request: web.Request) -> web.Response:
        """A plan for a dry run, a rotation for what is asked, a problem for an unknown credential."""
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path, body))
        self.keys.append(request.headers.get("x-functions-key", ""))
        if not request.path.endswith("/hub"):
            return web.json_response({"detail": "the policy has no credential", "hint": "Look there."}, status=404)
        if request.method == "GET":
            return web.json_response({"credential": "hub", "provider": "personal", "rotations": self.rotations})
        return web.json_response(
            PLAN if body and body["dry_run"] else {**ROTATION, "state": "creating", "error": ""}, status=202
        )


@pytest_asyncio.fixture
async def app() -> AsyncIterator[App]:
    """An app on this machine."""
    made, server = App(), web.Application()
    server.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
def run(app: App, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs the command beside the app; the exit code, and what it wrote."""

    async def running(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["rotate", *arguments, "--url", app.url])
        written = capsys.readouterr()
        return code, written.out, written.err

    return running


class TestRotate:
    """What people type."""

    async def test_a_dry_run(self, app: App, run: Callable[..., Any]) -> None:
        """The steps, numbered, and what keeps a token from being minted; the app is asked for nothing else."""
        code, shown, _ = await run("hub", "--dry-run")

        closed = "no token can be minted here (second_factor); a person has to make it"
        assert (code, shown) == (0, f"hub (personal)\n  1. create: a\n  2. test: b\n  {closed}\n")
        assert app.asked == [("POST", "/api/rotations/hub", {"dry_run": True, "revoke_first": False})]

    async def test_for_real(self, app: App, run: Callable[..., Any]) -> None:
        """The rotation with its timeline; as JSON on demand."""
        code, shown, _ = await run("hub")
        assert code == 0
        assert shown.startswith("hub-3: creating\n")

        _, shown, _ = await run("hub", "--json")
        assert json.loads(shown)["number"] == 3

    async def test_its_status(self, app: App, run: Callable[..., Any]) -> None:
        """1 when the last one failed."""
        code, shown, _ = await run("hub", "--status")

        assert code == 1
        assert "not_adopted" in shown
        assert app.asked == [("GET", "/api/rotations/hub", None)]

    async def test_a_credential_that_was_never_rotated(self, app: App, run: Callable[..., Any]) -> None:
        """It is said, where an empty answer could mean anything."""
        app.rotations = []

        code, shown, _ = await run("hub", "--status")

        assert (code, shown) == (0, "hub (personal) was never rotated from here\n")

    async def test_a_leak(self, app: App, run: Callable[..., Any]) -> None:
        """Deleting the live token first has to be meant."""
        code, _, told = await run("hub", "--revoke-first")
        assert (code, app.asked) == (2, [])
        assert "pulls fail" in told

        code, _, _ = await run("hub", "--now", "--revoke-first")
        assert app.asked == [("POST", "/api/rotations/hub", {"dry_run": False, "revoke_first": True})]

    async def test_refused(self, run: Callable[..., Any]) -> None:
        """The app's own words and hint."""
        code, _, told = await run("other")

        assert code == 2
        assert "404: the policy has no credential" in told
        assert "Look there." in told

    @pytest.mark.parametrize(
        ("url", "told"),
        [("http://app.example", "expected an https address"), ("https://app.example:port", "--url is no address")],
    )
    async def test_where_the_key_goes(self, url: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Nowhere without TLS, and the address is not asked; one with a typing error is told, not raised."""
        code = await asyncio.to_thread(main, ["rotate", "hub", "--url", url])

        assert code == 2
        assert told in capsys.readouterr().err
