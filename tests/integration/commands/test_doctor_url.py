"""`cachewarden doctor --url` on a laptop that knows nothing of the app's settings."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import web

ROOT = Path(__file__).parents[3]
REPORT = {
    "condition": "healthy",
    "findings": [
        {"verdict": "ok", "seen": "the tables answer", "expected": "", "mend": [], "what": "storage", "by": ""}
    ],
}


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    """The address of an app that answers for whoever has the key."""

    async def answer(request: web.Request) -> web.Response:
        has_key = request.headers.get("x-functions-key") == "the key"
        return web.json_response(REPORT) if has_key else web.Response(status=401)

    server = web.Application()
    server.router.add_get("/api/health/deep", answer)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def doctor(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what was found about what."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "shared.cli", "doctor", "--json", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "CACHEWARDEN_FUNCTION_KEY": "the key"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.stderr == ""
    return done.returncode, {one["what"]: one for one in json.loads(done.stdout)["findings"]}


class TestTheAppAlone:
    """`--url` without `--app`."""

    async def test_settings_of_the_laptop_are_not_missed(self, url: str) -> None:
        """Only the app is asked: an environment without its settings says nothing about it."""
        code, findings = await doctor("--url", url)

        assert (code, list(findings)) == (0, ["storage"])
        assert findings["storage"]["by"] == "app"

    async def test_a_policy_that_is_named_is_read(self, url: str, tmp_path: Path) -> None:
        """Whoever is about to deploy one hears what is wrong with it beside what the app says."""
        policy = tmp_path / "policy.yaml"
        policy.write_text("version: 2\n", encoding="utf-8")

        code, findings = await doctor("--url", url, "--policy", str(policy))

        assert (code, set(findings)) == (1, {"policy", "storage"})
        assert findings["policy"]["verdict"] == "failing"
