"""Start, stop, death, and what is left behind."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import msgspec
import pytest

from sandbox.host.errors import HostError
from sandbox.host.keys import HostKeys
from sandbox.host.launcher import HostProcess
from tests.integration.host.conftest import Launch
from tests.integration.host.running import APP, RunningHost


class TestStart:
    """What a start leaves, and why it fails."""

    async def test_announces_itself(self, host: RunningHost) -> None:
        """One line says that the host has started, on which port, and how long it took."""
        (line,) = [line for line in host.process.log.splitlines() if line.startswith("Host started")]

        assert f"port {host.process.url.rpartition(':')[2]} (indexed in" in line

    async def test_keys_are_kept(self, launch: Launch, tmp_path: Path) -> None:
        """Hosts that are given one key file share its keys; the file is for its owner only."""
        path = tmp_path / "shared" / "keys.json"
        first = await launch("echo", options=["--keys", str(path)])
        second = await launch("echo", options=["--keys", str(path)], state="second")

        assert first.keys == second.keys == msgspec.json.decode(path.read_bytes(), type=HostKeys)
        assert path.stat().st_mode & 0o777 == 0o600

    async def test_port_is_taken(self, tmp_path: Path) -> None:
        """A port that somebody else has is an error that names it."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            process = HostProcess(
                APP, tmp_path, options=["--port", str(port)], settings={"JOURNAL": str(tmp_path / "j")}
            )

            with pytest.raises(HostError, match=f"port {port} can't be opened"):
                await process.start()

    @pytest.mark.parametrize(
        ("host_json", "message"),
        [
            ("{", "Unable to parse host configuration file"),
            ("{}", "missing the required 'version' property"),
            ('{"version": "3.0"}', "'3.0' is an invalid value for host.json 'version' property"),
        ],
    )
    async def test_bad_host_json(self, tmp_path: Path, host_json: str, message: str) -> None:
        """A host.json that the real host refuses stops the start."""
        (tmp_path / "host.json").write_text(host_json)

        with pytest.raises(HostError, match=message):
            await HostProcess(tmp_path, tmp_path / "state").start()

    async def test_no_app(self, tmp_path: Path) -> None:
        """A folder without function_app.py is no app."""
        with pytest.raises(HostError, match=r"There is no function_app\.py in"):
            await HostProcess(tmp_path, tmp_path / "state").start()


class TestStop:
    """SIGTERM."""

    async def test_finishes_what_is_in_work(self, launch: Launch) -> None:
        """A stopping host completes the requests and messages that it has, takes no new ones, and exits with 0."""
        own = await launch("work", "gate")
        queue = own.queue("host-work")
        await queue.send({"number": 1, "gate": "stop"})
        request = asyncio.ensure_future(own.http.get("/api/gate/request"))
        await own.journal.wait_for("work")
        await own.journal.wait_for("gate")

        stopping = asyncio.ensure_future(own.process.stop())
        while (await self.status(own)) != 503:
            await asyncio.sleep(0.01)
        await queue.send({"number": 2})
        own.journal.open_gate("request")
        async with await request as response:
            assert response.status == 200
        assert await self.status(own) == 503, "the message is still in work, so the host still runs"
        own.journal.open_gate("stop")
        assert await stopping == 0
        assert [entry["order"]["number"] for entry in own.journal.of("work finished")] == [1]
        assert await queue.bodies() == ['{"number": 2}']

    async def status(self, host: RunningHost) -> int:
        """The status for a new request."""
        async with host.http.get("/api/unknown") as response:
            return response.status

    async def test_grace_is_over(self, launch: Launch) -> None:
        """When the grace is over the host ends with exit code 2, and the message in work is still in its queue."""
        own = await launch("work", options=["--grace", "0.2"])
        await own.queue("host-work").send({"gate": "never"})
        await own.journal.wait_for("work")

        assert await own.process.stop() == 2
        assert await own.queue("host-work").size() == 1

    async def test_sync_function_that_was_cut_off(self, launch: Launch) -> None:
        """A sync function that goes on after its timeout does not keep the host from ending."""
        limit = {"AzureFunctionsJobHost__functionTimeout": "00:00:01"}
        own = await launch("sleep", settings=limit, options=["--grace", "0.2"])
        async with own.http.get("/api/sleep/60") as response:
            assert response.status == 500

        assert await own.process.stop() == 2

    async def test_ends_with_its_parent(self, tmp_path: Path) -> None:
        """When the process that started the host is killed, the host ends as well."""
        program = (
            "import asyncio, os, sys\n"
            "from pathlib import Path\n"
            "from sandbox.host.launcher import HostProcess\n"
            "async def main():\n"
            "    app, folder = map(Path, sys.argv[1:])\n"
            "    settings = {'JOURNAL': str(folder / 'j'), 'AzureFunctionsJobHost__functions__0': 'echo'}\n"
            "    host = HostProcess(app, folder, settings=settings)\n"
            "    await host.start()\n"
            "    print(host.process_id, flush=True)\n"
            "    os.kill(os.getpid(), 9)\n"
            "asyncio.run(main())\n"
        )
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, str(APP), str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await parent.communicate()
        assert parent.returncode == -signal.SIGKILL

        await self.gone(int(output))

    async def gone(self, process_id: int) -> None:
        """Wait until a process, which is not a child of this one, no longer runs."""
        async with asyncio.timeout(20):
            while _is_alive(process_id):
                await asyncio.sleep(0.02)


def _is_alive(process_id: int) -> bool:
    """Whether the process runs; one that ended and is not waited for counts as ended."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
