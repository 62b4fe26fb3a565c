"""The cloud served over TLS to its tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.sandbox.cloud.support import Cloud, serving_cloud


@pytest_asyncio.fixture
async def cloud() -> AsyncIterator[Cloud]:
    """A tenant with a registry, a vault and a cluster, and nothing in them."""
    async with serving_cloud() as served:
        yield served
