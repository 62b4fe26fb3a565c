"""A host for the whole session for what needs no setting of its own, and a launcher for the rest."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from sandbox.host.launcher import HostProcess
from sandbox.storage_emulator import StorageEmulator
from tests.integration.host.running import APP, NEVER, Journal, RunningHost


def settings_for(storage: str, folder: Path, functions: Sequence[str] = ()) -> dict[str, str]:
    """The app's settings; with functions, only those run."""
    allowed = {f"AzureFunctionsJobHost__functions__{index}": name for index, name in enumerate(functions)}
    return {
        "AzureWebJobsStorage": storage,
        "JOURNAL": str(folder / "journal.jsonl"),
        "WORK_QUEUE": "host-work",
        "TICK": NEVER,
        "AzureWebJobs.switched_off.Disabled": "true",
        **allowed,
    }


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_process(
    azurite: StorageEmulator, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HostProcess]:
    """The process behind `host`."""
    folder = tmp_path_factory.mktemp("host")
    settings = settings_for(azurite.connection_string, folder) | {
        "AzureWebJobs_flaky_Disabled": "1",
        "AzureWebJobs_slow_Disabled": "1",
        "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000000",
    }
    async with HostProcess(APP, folder / "state", settings=settings) as process:
        yield process


@pytest_asyncio.fixture
async def host(shared_process: HostProcess, azurite: StorageEmulator) -> AsyncIterator[RunningHost]:
    """A host with all functions of the app, the same one for all tests."""
    journal = Journal(shared_process.state.parent / "journal.jsonl")
    running = RunningHost(shared_process, journal, azurite.connection_string)
    yield running
    await running.close()


class Launch(Protocol):
    """Starts a host that only this test uses; several of them share storage, journal and, if wanted, state."""

    async def __call__(
        self,
        *functions: str,
        settings: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        state: str = "state",
    ) -> RunningHost:
        """Run only these functions, with more settings and options, and the state in the folder of that name."""


@pytest_asyncio.fixture
async def launch(storage_account: str, tmp_path: Path) -> AsyncIterator[Launch]:
    """Starts hosts on a storage account of the test's own; what still runs at the end is killed."""
    async with AsyncExitStack() as stack:

        async def start(
            *functions: str,
            settings: Mapping[str, str] | None = None,
            options: Sequence[str] = (),
            state: str = "state",
        ) -> RunningHost:
            chosen = settings_for(storage_account, tmp_path, functions) | dict(settings or {})
            process = HostProcess(APP, tmp_path / state, settings=chosen, options=options)
            stack.push_async_callback(process.kill)
            await process.start()
            running = RunningHost(process, Journal(tmp_path / "journal.jsonl"), storage_account)
            stack.push_async_callback(running.close)
            return running

        yield start
