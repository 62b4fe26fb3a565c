"""The app with a night's work in its stores, and a browser that looks at it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from sandbox import scenario
from sandbox.demo.stage import Stage
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.channel_states import TableChannelStates
from shared.adapters.tables.chores import TableChoreRuns
from shared.adapters.tables.client import Tables
from shared.adapters.tables.dead_letters import TableLetters
from shared.adapters.tables.incidents import TableIncidents
from shared.adapters.tables.outbox import TableOutbox
from shared.adapters.tables.rotations import TableRotations, TableSamples
from tests.browser.chromium import Tab, chromium, find_chromium
from tests.fixtures.app import OpenStage
from tests.fixtures.scene import Scene


class TableStores(msgspec.Struct, frozen=True):
    """The stores that a scene is put into."""

    incidents: TableIncidents
    rotations: TableRotations
    samples: TableSamples
    letters: TableLetters
    channel_states: TableChannelStates
    outbox: TableOutbox
    chore_runs: TableChoreRuns


async def fill(connection: str, scene: Scene) -> None:
    """Put a scene into a storage account."""
    tables = Tables(StorageAccount(connection_string=connection))
    stores = TableStores(
        TableIncidents(tables),
        TableRotations(tables),
        TableSamples(tables),
        TableLetters(tables),
        TableChannelStates(tables),
        TableOutbox(tables),
        TableChoreRuns(tables),
    )
    await scene.fill(stores)
    await tables.aclose()


@pytest.fixture
def scene() -> Scene:
    """A night's work at the sandbox's registry."""
    return Scene(scenario.REGISTRY_ID, scenario.CLUSTER_ID.lower(), datetime.now(UTC))


@pytest_asyncio.fixture
async def app(open_stage: OpenStage, storage_account: str, scene: Scene) -> AsyncIterator[Stage]:
    """The app in mode `approve`, with the scene in its stores."""
    await fill(storage_account, scene)
    async with open_stage(policy_edit=lambda text: text.replace("mode: enforce", "mode: approve")) as stage:
        yield stage


@pytest_asyncio.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    """An empty page of a browser; the test skips where there is no Chromium."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    async with chromium(program, tmp_path / "profile") as opened:
        yield opened
