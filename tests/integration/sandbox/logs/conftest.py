"""The query API served over TLS to its tests."""

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.serving import serving
from tests.integration.sandbox.logs.support import Logs


@pytest.fixture
async def logs() -> AsyncIterator[Logs]:
    """A served workspace without rows."""
    logs = Logs()
    async with serving(logs.service):
        yield logs
