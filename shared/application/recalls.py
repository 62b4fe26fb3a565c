"""Recalls: "look at this registry again later", at most one such message on its way per registry.

Every message that can't finish leaves one for later. In a storm, or in an hour of trouble with ARM, thousands of them
would circle and each would read the registry. So whoever wants one takes a lease that ends when the message has come;
while another has it, a message is on its way already, and its reader will see what is written by now.
"""

import uuid

import msgspec

from shared.application.messages import REMEDIATIONS, RegistryMessage
from shared.application.ports import Leases, Queue
from shared.domain.incidents import registry_key
from shared.errors import TemporaryError

_LATE_S = 120
"""How late a message may come before another one is sent beside it."""


class Recalls:
    """Sends and takes recalls."""

    def __init__(self, *, leases: Leases, queue: Queue) -> None:
        self._leases = leases
        self._queue = queue

    async def later(self, registry_id: str, seconds: float) -> None:
        """Have a registry looked at again; whatever is to be seen then must be stored before.

        Raises:
            TemporaryError: the storage is in trouble, and maybe no message is on its way.
        """
        name = f"recall-{registry_key(registry_id)}"
        lease = await self._leases.acquire(name, uuid.uuid4().hex, seconds + _LATE_S)
        if lease is None:
            return
        message = msgspec.json.encode(RegistryMessage(registry_id=registry_id, recall=lease))
        try:
            await self._queue.send(REMEDIATIONS, message, delay_s=seconds)
        except TemporaryError:
            await self._leases.release(lease)
            raise

    async def arrived(self, message: RegistryMessage) -> None:
        """From now on the next one may be sent; to be called before anything is read."""
        if message.recall is not None:
            await self._leases.release(message.recall)
