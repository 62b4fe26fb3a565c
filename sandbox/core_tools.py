"""Runs the app with Azure Functions Core Tools, where they are installed, in the shape of the embedded host's launcher.

A plain `func start` checks no keys, so the keys here open nothing; senders use them all the same. Python and the trust
in the sandbox's authority come from the environment. Core Tools' own settings file is not needed and not written.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import aiohttp

from sandbox.host.errors import HostError
from sandbox.host.keys import HostKeys

_START_TIMEOUT: Final = 180
_STOP_TIMEOUT: Final = 30
_NO_KEYS: Final = HostKeys(master="unused", function="unused", eventgrid_extension="unused")


def find_core_tools() -> str | None:
    """The path of `func`, None when Core Tools are not installed."""
    return shutil.which("func")


class CoreToolsProcess:
    """`func start` as a child process.

    Attributes:
        url: the host's base address, once started.
        keys: keys that nobody checks.
    """

    def __init__(
        self, program: str, app: Path, *, settings: Mapping[str, str], port: int, log: Path | None = None
    ) -> None:
        self.url = ""
        self.keys = _NO_KEYS
        self._program = program
        self._app = app
        self._port = port
        self._settings = dict(settings)
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """What Core Tools have printed."""
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    async def __aenter__(self) -> Self:
        """Start and wait until the host answers; raises HostError with its output when it does not."""
        self.url = f"http://127.0.0.1:{self._port}"
        self._log = self._log_path.open("a+b") if self._log_path else tempfile.TemporaryFile()  # noqa: SIM115 - see _close
        python = {"languageWorkers__python__defaultExecutablePath": sys.executable}
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            *("start", "--port", str(self._port)),
            stdout=self._log,
            stderr=self._log,
            stdin=asyncio.subprocess.DEVNULL,
            cwd=self._app,
            env={**os.environ, **self._settings, **python},
            start_new_session=True,  # Ctrl-C in a terminal is for the parent, which then stops the host
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                await self._serving(self._process)
        except BaseException as error:
            log = self.log
            await self._stop()
            if isinstance(error, TimeoutError):
                raise HostError(f"func start did not serve within {_START_TIMEOUT} s:\n{log}") from None
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Interrupt Core Tools as Ctrl-C does, and kill what does not end."""
        await self._stop()

    async def wait(self) -> int:
        """Wait until Core Tools end of themselves, and return their exit code."""
        if self._process is None:
            raise HostError("func start has not been started.")
        return await self._process.wait()

    async def _serving(self, process: asyncio.subprocess.Process) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                if process.returncode is not None:
                    raise HostError(f"func start ended with exit code {process.returncode}:\n{self.log}")
                with suppress(aiohttp.ClientError, ValueError):
                    async with session.get(f"{self.url}/admin/host/status") as answer:
                        if answer.ok and (await answer.json(content_type=None)).get("state") == "Running":
                            return
                await asyncio.sleep(0.1)

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            try:
                os.killpg(process.pid, signal.SIGINT)
                async with asyncio.timeout(_STOP_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None
