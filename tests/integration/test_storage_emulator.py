"""Azurite as a child process: what a test may rely on, and what must not be left behind."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from azure.storage.queue.aio import QueueServiceClient

from sandbox.storage_emulator import StorageEmulator, StorageEmulatorError


async def queues(connection_string: str) -> list[str]:
    """The names of an account's queues."""
    async with QueueServiceClient.from_connection_string(connection_string) as service:
        return [queue.name async for queue in service.list_queues()]


async def create_queue(connection_string: str, name: str) -> None:
    """Create a queue."""
    async with QueueServiceClient.from_connection_string(connection_string) as service:
        await service.create_queue(name)


class TestAccounts:
    """The accounts of the session's emulator."""

    async def test_accounts_are_separate(self, azurite: StorageEmulator, storage_account: str) -> None:
        """A queue in one test's account is not seen in the account that all share."""
        await create_queue(storage_account, "separate")

        assert await queues(storage_account) == ["separate"]
        assert "separate" not in await queues(azurite.connection_string)

    async def test_unknown_account(self, azurite: StorageEmulator) -> None:
        """An account that the emulator was not started with has no connection string."""
        with pytest.raises(KeyError, match="stranger"):
            azurite.connection_string_of("stranger")


class TestLife:
    """Start, stop and death."""

    async def test_data_outlives_a_restart(self, tmp_path: Path) -> None:
        """With a location, a second emulator finds what the first one stored."""
        async with StorageEmulator(tmp_path) as first:
            await create_queue(first.connection_string, "kept")

        async with StorageEmulator(tmp_path) as second:
            assert await queues(second.connection_string) == ["kept"]

    async def test_start_failure_shows_the_log(self, tmp_path: Path) -> None:
        """When Azurite can't start, the error carries what Azurite printed."""
        (tmp_path / "__azurite_db_queue__.json").mkdir()

        with pytest.raises(StorageEmulatorError, match="EISDIR"):
            await StorageEmulator(tmp_path).start()

    async def test_death_is_reported(self) -> None:
        """When Azurite dies of itself, whoever watches it gets an error and the log."""
        async with StorageEmulator() as emulator:
            watching = asyncio.ensure_future(emulator.watch())
            os.kill(emulator.process_id, signal.SIGKILL)

            with pytest.raises(
                StorageEmulatorError, match=r"exit code -9(?s:.*)Table service is successfully listening"
            ):
                await watching

    async def test_no_orphan_after_kill(self) -> None:
        """When the parent is killed with signal 9, Azurite ends as well."""
        program = (
            "import asyncio, os\n"
            "from sandbox.storage_emulator import StorageEmulator\n"
            "async def main():\n"
            "    async with StorageEmulator() as emulator:\n"
            "        print(emulator.process_id, flush=True)\n"
            "        os.kill(os.getpid(), 9)\n"
            "asyncio.run(main())\n"
        )
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
        output, _ = await parent.communicate()
        assert parent.returncode == -signal.SIGKILL

        deadline = time.monotonic() + 10
        while _is_alive(int(output)):
            assert time.monotonic() < deadline, "Azurite outlived its parent"
            await asyncio.sleep(0.02)


def _is_alive(process_id: int) -> bool:
    """Whether the process runs; one that ended and is not waited for counts as ended."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
