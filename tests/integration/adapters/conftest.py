"""Fixtures of the adapters' tests: storage accounts, plain and behind a proxy that breaks on demand."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.arm.handlers import ArmService
from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import Faults
from sandbox.storage_emulator import StorageEmulator
from sandbox.world import World
from shared.adapters.arm import ArmRegistries
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from tests.fixtures.serving import serving
from tests.integration.adapters.receivers import KEYS, KINDS, Wired, policy_of
from tests.integration.adapters.support import (
    FaultyStorage,
    ServedArm,
    StorageProxy,
    Stores,
    memory_stores,
    table_stores,
)
from tests.integration.sandbox.cloud.support import serving_cloud


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


@pytest_asyncio.fixture
async def faulty_storage(azurite: StorageEmulator, storage_account: str) -> AsyncIterator[FaultyStorage]:
    """The test's storage account with its services behind proxies."""
    proxies = {name: StorageProxy(azurite.endpoints[name]) for name in ("Table", "Queue", "Blob")}
    faults, exchanges = Faults(), ExchangeLog()
    async with serving(*proxies.values(), exchanges=exchanges, faults=faults):
        connection = storage_account
        for name, proxy in proxies.items():
            connection = connection.replace(azurite.endpoints[name], proxy.base_url)
        yield FaultyStorage(StorageAccount(connection_string=connection), faults, exchanges)


@pytest_asyncio.fixture
async def arm() -> AsyncIterator[ServedArm]:
    """A tenant with the registry `contoso`, the vault `contoso-kv` and good Docker Hub credentials in it."""
    faults, exchanges = Faults(), ExchangeLog()
    async with serving_cloud() as cloud:
        service = ArmService(cloud.arm, cloud.authority)
        async with serving(service, exchanges=exchanges, faults=faults):
            cloud.put_good_credentials()
            vault = cloud.arm.inventory.find(cloud.vault.resource_id)
            assert vault is not None
            vault.properties["vaultUri"] = f"{cloud.vault_service.base_url}/"
            yield ServedArm(cloud, service.base_url, faults, exchanges)


@pytest_asyncio.fixture
async def registries(arm: ServedArm) -> AsyncIterator[ArmRegistries]:
    """The adapter under test."""
    adapter = arm.registries()
    yield adapter
    await adapter.aclose()


@pytest_asyncio.fixture
async def wired(world: World) -> AsyncIterator[Wired]:
    """The channels, each pointing to a receiver of its own kind."""
    made = Wired(world, policy_of(world))
    for name, kind in KINDS.items():
        made.points_to(name, world.urls.sink + world.sinks.add(kind, name))
    world.vault.write("webhook-keys", "\n".join(KEYS))
    yield made
    await made.aclose()
