"""Fixtures that every kind of test may ask for; a fixture of one subject belongs into that subject's own conftest."""

import atexit
import os
from collections.abc import AsyncIterator, Callable
from itertools import count

import pytest
import pytest_asyncio
from hypothesis import settings

from sandbox.storage_emulator import DEFAULT_ACCOUNT, StorageEmulator

pytest_plugins = ("tests.fixtures.world", "tests.fixtures.app", "tests.fixtures.demo", "tests.fixtures.whole_run")

settings.register_profile("cachewarden", deadline=None)  # no test depends on how fast the machine is
settings.load_profile("cachewarden")

_ACCOUNTS = [f"test{number:04d}" for number in range(1000)]
_used = count()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def azurite() -> AsyncIterator[StorageEmulator]:
    """Azurite, one for the whole session, in memory; fails with "run make setup" when it is not installed.

    `.connection_string` is an account that all tests share: `storage_account` is the fixture for a test of its own.
    """
    async with StorageEmulator(accounts=[DEFAULT_ACCOUNT, *_ACCOUNTS]) as emulator:
        yield emulator


@pytest.fixture
def storage_accounts(azurite: StorageEmulator) -> Callable[[], str]:
    """Each call is the connection string of another empty storage account, so queue names need not be unique."""
    return lambda: azurite.connection_string_of(_ACCOUNTS[next(_used)])


@pytest.fixture
def storage_account(storage_accounts: Callable[[], str]) -> str:
    """The connection string of an empty storage account that no other test uses."""
    return storage_accounts()


def pytest_unconfigure() -> None:
    """Keep the closing line last: DuckDB's bindings list objects that are alive at the interpreter's end on stderr."""
    atexit.register(os.dup2, os.open(os.devnull, os.O_WRONLY), 2)
