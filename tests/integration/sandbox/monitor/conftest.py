"""A tenant for the tests of Azure Monitor."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.sandbox.monitor.support import Tenant


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    """A tenant without rules."""
    tenant = Tenant()
    yield tenant
    await tenant.group.close()
    tenant.logs.close()
