"""`python -m sandbox.up` as a process."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

_ROOT = Path(__file__).parents[4]
_IMAGE = "jannemattila/webapp-network-tester:1.0.47"
_CORE_TOOLS = """\
#!/bin/sh
"exec" "{python}" "$0" "$@"
import http.server, json, os, signal, sys
assert sys.argv[1:3] == ["start", "--port"], sys.argv
assert os.environ["CACHEWARDEN_POLICY"] and os.environ["languageWorkers__python__defaultExecutablePath"]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{"state": "Running"}}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Handler).serve_forever()
"""


class Up:
    """The process, and what it wrote about itself."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.file = folder / "sandbox.json"
        self.described: dict[str, Any] = {}

    async def ready(self) -> None:
        """Wait for `sandbox.json`."""
        await until(self.file.exists, self.process)
        self.described = msgspec.json.decode(self.file.read_bytes())

    async def stop(self) -> tuple[int, str]:
        """Send what Ctrl-C sends; the exit code and the output."""
        self.process.send_signal(signal.SIGINT)
        output, _ = await self.process.communicate()
        return self.process.returncode or 0, output.decode()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """An answer of the control API."""
        async with (
            aiohttp.ClientSession(self.described["control"], raise_for_status=True) as session,
            session.request(method, path, json=body) as response,
        ):
            return await response.json() if response.status != 204 else None


async def until(
    condition: Callable[[], bool | Awaitable[bool]], process: asyncio.subprocess.Process, *, within: float = 60
) -> None:
    """Wait for a condition, no longer than the process lives."""
    async with asyncio.timeout(within):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            assert process.returncode is None, (await process.communicate())[0].decode()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def up(folder: Path, *options: str, path: str = "/nowhere") -> AsyncIterator[Up]:
    """The process, stopped if the test leaves it running; without a `path` there are no Core Tools for it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.up", "--folder", str(folder), *options),
        cwd=_ROOT,
        env=os.environ | {"PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Up(process, folder)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.communicate()


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """A sandbox with the embedded host that all tests of a class share: a start takes seconds."""
    async with up(tmp_path_factory.mktemp("up"), "--alert-every", "0.2") as sandbox:
        await sandbox.ready()
        yield sandbox


@pytest.mark.asyncio(loop_scope="class")
class TestRunning:
    """A sandbox that is up."""

    async def test_cures_a_failing_pull_while_nobody_looks(self, sandbox: Up) -> None:
        """A pod fails, the alert rule fires by itself, and a little later the pod's image comes out of the registry."""
        await sandbox.control("POST", "/state/hub/exhaust", {"source": "127.0.0.2"})
        failed = await sandbox.control("POST", "/state/pods", {"image": _IMAGE})

        async def ruled() -> bool:
            return bool((await sandbox.control("GET", "/state/registry"))["rules"])

        await until(ruled, sandbox.process)
        login_server = sandbox.described["registry"].removeprefix("https://")
        cured = await sandbox.control("POST", "/state/pods", {"image": f"{login_server}/docker-hub/{_IMAGE}"})

        assert (failed["running"], cured["running"]) == (False, True)

    async def test_says_where_everything_is(self, sandbox: Up) -> None:
        """`sandbox.json` has exactly the documented keys, and is the owner's alone."""
        assert set(sandbox.described) == {
            *("host", "keys", "arm", "vault", "logs", "hub", "hub_auth", "hub_registry", "registry", "identity"),
            *("control", "azurite", "ca"),
        }
        assert set(sandbox.described["keys"]) == {"master", "function", "eventgrid_extension"}
        assert set(sandbox.described["identity"]) == {"endpoint", "header", "person"}
        assert sandbox.file.stat().st_mode & 0o777 == 0o600

    async def test_refuses_another_one_in_its_folder(self, sandbox: Up) -> None:
        """A second sandbox in the same folder would take the first one's file."""
        async with up(sandbox.file.parent) as second:
            output, _ = await second.process.communicate()

        assert (second.process.returncode, "is up" in output.decode()) == (1, True)


class TestEnding:
    """How a sandbox ends."""

    async def test_leaves_nothing_behind_and_tells_no_key(self, tmp_path: Path) -> None:
        """After Ctrl-C the exit code is 0 and the file is gone; no key was printed."""
        async with up(tmp_path, "--alert-every", "0") as sandbox:
            await sandbox.ready()
            code, output = await sandbox.stop()

        assert (code, sandbox.file.exists()) == (0, False), output
        assert not any(key in output for key in sandbox.described["keys"].values())
        assert "Request URL" not in output, "the SDKs' own logs hide the addresses that people look for"

    async def test_takes_the_policys_mode(self, tmp_path: Path) -> None:
        """With `--mode approve` the app asks a person first."""
        async with up(tmp_path, "--alert-every", "0", "--mode", "approve") as sandbox:
            await sandbox.ready()
            async with (
                aiohttp.ClientSession(sandbox.described["host"], raise_for_status=True) as session,
                session.get("/api/health") as response,
            ):
                assert (await response.json())["mode"] == "approve"

    async def test_uses_core_tools_where_they_are(self, tmp_path: Path) -> None:
        """With `func` on the path it is `func start` that runs the app; here a stand-in that answers as it does."""
        program = tmp_path / "bin" / "func"
        program.parent.mkdir()
        program.write_text(_CORE_TOOLS.format(python=sys.executable))
        program.chmod(0o755)
        async with up(tmp_path, "--alert-every", "0", path=str(program.parent)) as sandbox:
            await sandbox.ready()
            code, output = await sandbox.stop()

        assert (sandbox.described["keys"]["function"], code) == ("unused", 0), output

    async def test_fails_when_the_host_does_not_start(self, tmp_path: Path) -> None:
        """An app that can't start ends the sandbox with an error that has the host's output."""
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "function_app.py").write_text("raise RuntimeError('no app today')")
        (tmp_path / "app" / "host.json").write_text('{"version": "2.0"}')
        async with up(tmp_path, "--app", str(tmp_path / "app")) as sandbox:
            output, _ = await sandbox.process.communicate()

        assert (sandbox.process.returncode, "no app today" in output.decode()) == (1, True)
