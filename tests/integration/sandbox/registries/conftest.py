"""Docker Hub served over TLS to the tests of the registries."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from sandbox.hub.models import Hub
from tests.fakes.clock import ManualClock
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.registries.acr_support import Registry, serving_registry
from tests.integration.sandbox.registries.support import HubServices, serving_hub


@pytest.fixture
def clock() -> ManualClock:
    """The time of all services in a test."""
    return ManualClock()


@pytest.fixture
def hub(clock: ManualClock) -> Hub:
    """A Docker Hub with nobody and nothing in it but `ratelimitpreview/test`."""
    return Hub(clock=clock.now)


@pytest_asyncio.fixture
async def served(hub: Hub) -> AsyncIterator[HubServices]:
    """The three services of that Docker Hub."""
    async with serving_hub(hub) as services:
        yield services


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that trusts the sandbox's authority and nothing else."""
    connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest_asyncio.fixture
async def registry(hub: Hub, clock: ManualClock) -> AsyncIterator[Registry]:
    """The registry `contoso` in front of that Docker Hub, with no rule, no image and no role given to anybody."""
    async with serving_registry(hub, clock) as made:
        yield made
