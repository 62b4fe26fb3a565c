"""Messages that wait while the app's policy is refused: none is used up, on real queues."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import azure.functions as func
import pytest
import pytest_asyncio
from azure.storage.queue.aio import QueueServiceClient

from functions.work import bury, worked
from shared.application.messages import NOTIFICATIONS, REMEDIATIONS, ROTATIONS
from shared.errors import PermanentError
from shared.settings import STORAGE

if TYPE_CHECKING:
    from shared.application.assembly import Application

QUEUES = pytest.mark.parametrize("queue", [REMEDIATIONS, NOTIFICATIONS, ROTATIONS])
BODY = b'{"type":"registry","registry_id":"r"}'


@pytest.fixture(params=["version: 1\nmode: enfroce\n", None], ids=["refused", "not there"])
def _broken(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, storage_account: str
) -> None:
    """An app whose policy has an error, or was not deployed."""
    policy = tmp_path / "policy.yaml"
    if request.param is not None:
        policy.write_text(request.param, encoding="utf-8")
    monkeypatch.setenv("CACHEWARDEN_POLICY", str(policy))
    monkeypatch.setenv(STORAGE, storage_account)


@pytest_asyncio.fixture
async def service(storage_account: str) -> AsyncIterator[QueueServiceClient]:
    """The queues, as the host sees them."""
    async with QueueServiceClient.from_connection_string(storage_account) as client:
        yield client


async def waiting(service: QueueServiceClient, queue: str) -> tuple[int, int]:
    """How many messages lie on a queue, and how many of them can be seen."""
    client = service.get_queue_client(queue)
    count = (await client.get_queue_properties()).approximate_message_count
    return count or 0, len(await client.peek_messages(5))


async def never(_: "Application", __: bytes) -> None:
    """There is no application to handle it with."""
    raise AssertionError


@pytest.mark.usefixtures("_broken")
class TestRefusedPolicy:
    """There is no application."""

    @QUEUES
    async def test_a_message_waits_on_its_queue(self, service: QueueServiceClient, queue: str) -> None:
        """The attempt ends well, so none of the host's five is used up; it comes again later."""
        await worked(queue, func.QueueMessage(body=BODY), never)

        assert await waiting(service, queue) == (1, 0)

    @QUEUES
    async def test_one_that_was_given_up_waits_on_its_poison_queue(
        self, service: QueueServiceClient, queue: str
    ) -> None:
        """The host would try it five times and then never again."""
        await bury(queue, func.QueueMessage(body=BODY))

        assert await waiting(service, f"{queue}-poison") == (1, 0)


async def test_without_settings_nobody_knows_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt fails, and says which settings are missing."""
    for name in ("CACHEWARDEN_POLICY", STORAGE):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(PermanentError, match=STORAGE):
        await worked(REMEDIATIONS, func.QueueMessage(body=BODY), never)
