"""Runs the embedded host as a child process, for `make up`, the demo and the tests.

A process, because one process can run one app only, and because tests want to kill it. The child ends when its standard
input ends, so it can't outlive whoever started it.
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from sandbox.host.errors import HostError
from sandbox.host.keys import HostKeys

_ROOT = Path(__file__).parents[2]
_START_TIMEOUT = 60
"""Seconds; indexing an app takes well under one, but not on a machine that runs ten other things."""


class _Ready(msgspec.Struct, frozen=True):
    port: int
    keys: HostKeys


class HostProcess:
    """One host in a process of its own, as an async context manager that stops it with SIGTERM.

    Attributes:
        url: its base address, without a slash at the end, once started.
        keys: its access keys, once started.
        state: the folder for its keys and timers.
    """

    url: str
    keys: HostKeys

    def __init__(
        self,
        app: Path,
        state: Path,
        *,
        settings: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        log: Path | None = None,
    ) -> None:
        """Prepare a host; nothing runs yet.

        Args:
            app: the folder with `function_app.py`.
            state: the folder for keys and timers; made when missing.
            settings: app settings, which win over this process's environment.
            options: more options of `python -m sandbox.host`.
            log: the file that gets the host's output; None keeps it in a temporary one.
        """
        self._command = ("-m", "sandbox.host", "--app", str(app), "--state", str(state), "--exit-with-parent", *options)
        self.state = state
        self._settings = dict(settings or {})
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._last_log = ""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process_id(self) -> int:
        """The operating system's number of the host's process; raises `HostError` when it does not run."""
        if self._process is None:
            raise HostError("The host has not been started.")
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything that the host has printed since its last start."""
        if self._log is None:
            return self._last_log
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    async def start(self) -> None:
        """Start the host and return when it serves; raises `HostError` with its output when it does not."""
        self.state.mkdir(parents=True, exist_ok=True)
        ready = self.state / f"ready-{os.urandom(4).hex()}.json"
        self._log = self._log_path.open("a+b") if self._log_path else tempfile.TemporaryFile()  # noqa: SIM115 - see stop()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._command,
            *("--ready-file", str(ready)),
            stdin=asyncio.subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            cwd=_ROOT,
            env={**os.environ, **self._settings},
            start_new_session=True,  # Ctrl-C in a terminal is for the parent, which then stops the host
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                await self._serving(self._process, ready)
        except BaseException as error:
            log = self.log
            await self.kill()
            if isinstance(error, TimeoutError):
                raise HostError(f"The host did not serve within {_START_TIMEOUT} s:\n{log}") from None
            raise
        answer = msgspec.json.decode(ready.read_bytes(), type=_Ready)
        ready.unlink()
        self.url, self.keys = f"http://127.0.0.1:{answer.port}", answer.keys

    async def stop(self) -> int:
        """Let the host drain, and return its exit code."""
        code = 0
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            code = await self._process.wait()
        self._close()
        return code

    async def kill(self) -> None:
        """End the host at once, as a crash or a lost machine would (signal 9)."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self._close()

    async def wait(self) -> int:
        """Wait until the host ends of itself, and return its exit code."""
        if self._process is None:
            raise HostError("The host has not been started.")
        return await self._process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serving(self, process: asyncio.subprocess.Process, ready: Path) -> None:
        while not ready.exists():
            if process.returncode is not None:
                raise HostError(f"The host ended with exit code {process.returncode} while it started:\n{self.log}")
            await asyncio.sleep(0.01)

    def _close(self) -> None:
        self._process = None
        if self._log is not None:
            self._last_log = self.log
            self._log.close()
            self._log = None
