"""Fixtures of the adapters' tests: storage accounts, plain and behind a proxy that breaks on demand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.frame.certificates import Certificates, ensure_certificates
from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import Faults
from sandbox.frame.server import Server
from sandbox.storage_emulator import StorageEmulator
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from tests.integration.adapters.support import FaultyStorage, StorageProxy, Stores, memory_stores, table_stores


@pytest.fixture
def account(storage_account: str) -> StorageAccount:
    """An empty storage account."""
    return StorageAccount(connection_string=storage_account)


@pytest_asyncio.fixture
async def tables(account: StorageAccount) -> AsyncIterator[Tables]:
    """The account's tables, none of which exists yet."""
    made = Tables(account)
    yield made
    await made.aclose()


@pytest.fixture(params=["memory", "tables"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """The stores, once in memory and once on Azure Tables."""
    return memory_stores() if request.param == "memory" else table_stores(request.getfixturevalue("tables"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The sandbox's certificate authority of this session."""
    folder: Path = tmp_path_factory.mktemp("certificates")
    return ensure_certificates(folder)


@pytest_asyncio.fixture
async def faulty_storage(
    azurite: StorageEmulator, storage_account: str, certificates: Certificates
) -> AsyncIterator[FaultyStorage]:
    """The test's storage account with the tables and queues behind proxies."""
    proxies = {name: StorageProxy(azurite.endpoints[name]) for name in ("Table", "Queue")}
    faults, exchanges = Faults(), ExchangeLog()
    async with Server(list(proxies.values()), certificates=certificates, exchanges=exchanges, faults=faults):
        connection = storage_account
        for name, proxy in proxies.items():
            connection = connection.replace(azurite.endpoints[name], proxy.base_url)
        yield FaultyStorage(StorageAccount(connection_string=connection), faults, exchanges)
