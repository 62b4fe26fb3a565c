"""The tenant's service principals: managed identities, among them those that credential sets bring along.

The trap it avoids: a principal that was made a moment ago is not known everywhere yet. A role assignment that doesn't
say what kind of principal it means is refused until the directory has replicated, so a client that leaves
`principalType` out works in a lazy emulator and fails in Azure.
"""

from datetime import datetime, timedelta
from uuid import uuid4

import msgspec

from sandbox.frame.service import Clock, system_clock


class Identity(msgspec.Struct, frozen=True):
    """A service principal.

    Attributes:
        object_id: what role assignments name.
        client_id: the application's id.
        name: what people call it.
        created_on: when it came to be.
        resource_id: the ARM id of a managed identity, or of the resource that it belongs to.
    """

    object_id: str
    client_id: str
    name: str
    created_on: datetime
    resource_id: str = ""


class Directory:
    """All service principals; a new one has replicated after `replication_s` seconds."""

    def __init__(self, *, clock: Clock = system_clock, replication_s: float = 60) -> None:
        self.replication_s = replication_s
        self._clock = clock
        self._identities: dict[str, Identity] = {}

    def create(self, name: str, *, resource_id: str = "", object_id: str = "", client_id: str = "") -> Identity:
        """A new identity, with ids of its own unless they are given."""
        identity = Identity(
            object_id or str(uuid4()), client_id or str(uuid4()), name, self._clock(), resource_id=resource_id
        )
        self._identities[identity.object_id.lower()] = identity
        return identity

    def remove(self, object_id: str) -> None:
        """Forget the identity, as happens when its resource is deleted; its role assignments stay behind."""
        self._identities.pop(object_id.lower(), None)

    def find(self, object_id: str) -> Identity | None:
        """The identity of that object id."""
        return self._identities.get(object_id.lower())

    def identities(self) -> list[Identity]:
        """All of them."""
        return list(self._identities.values())

    def replicated(self, object_id: str) -> bool:
        """Whether the principal exists and has been around for long enough to be found everywhere."""
        identity = self.find(object_id)
        return identity is not None and self._clock() - identity.created_on >= timedelta(seconds=self.replication_s)
