"""Long-running operations: accepted now, done later, and sometimes failed with status 200.

The trap they avoid: a client that reads the HTTP status of a poll takes a failed operation for a success. ARM answers
the poll with 200 and puts the failure into the body.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

import msgspec

from sandbox.arm.refusals import OperationNotFound
from sandbox.arm.settings import ArmSettings
from sandbox.frame.service import Clock, system_clock


class ProvisioningState(StrEnum):
    """Where a resource stands."""

    CREATING = "Creating"
    UPDATING = "Updating"
    DELETING = "Deleting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Failure(msgspec.Struct, frozen=True):
    """Why an operation failed, as its status says it."""

    code: str
    message: str


class Operation(msgspec.Struct):
    """One accepted write.

    Attributes:
        name: `cacherules-<guid>`, as in Microsoft's examples.
        resource_id: the resource that is written.
        state: the state that polls see while it runs, and what became of it afterwards.
        polls_left: how many polls will still find it running.
        due: when it can end at the earliest.
        deletes: whether it deletes: those are polled at a `Location`, which answers otherwise than a status does.
        finish: writes the result into the resource; called once with the failure or None.
        failure: why it fails, None when it succeeds.
    """

    name: str
    resource_id: str
    state: ProvisioningState
    started: datetime
    due: datetime
    polls_left: int
    deletes: bool
    finish: Callable[[Failure | None], None]
    failure: Failure | None = None
    ended: datetime | None = None


class Operations:
    """All operations of all registries; the settings say how long new ones take."""

    def __init__(self, settings: ArmSettings, *, clock: Clock = system_clock) -> None:
        self._settings = settings
        self._clock = clock
        self._operations: dict[str, Operation] = {}
        self._running: dict[str, Operation] = {}
        self._failures: list[tuple[str, Failure]] = []

    def fail_next(self, collection: str, code: str, message: str) -> None:
        """Let the next operation on `cacheRules` or `credentialSets` be accepted and then fail."""
        self._failures.append((collection.lower(), Failure(code, message)))

    def start(
        self,
        resource_id: str,
        state: ProvisioningState,
        finish: Callable[[Failure | None], None],
        *,
        failure: Failure | None = None,
    ) -> Operation:
        """Accept a write; `finish` is called when the operation ends, which is never before the next call."""
        collection = resource_id.lower().split("/")[-2]
        now = self._clock()
        operation = Operation(
            name=f"{collection}-{uuid4()}",
            resource_id=resource_id,
            state=state,
            started=now,
            due=now + timedelta(seconds=self._settings.operation_delay_s),
            polls_left=self._settings.operation_polls,
            deletes=state is ProvisioningState.DELETING,
            finish=finish,
            failure=failure or self._planned_failure(collection),
        )
        self._operations[operation.name] = operation
        self._running[resource_id.lower()] = operation
        return operation

    def running(self, resource_id: str) -> Operation | None:
        """The operation that holds the resource, None when it is free."""
        self.settle()
        return self._running.get(resource_id.lower())

    def poll(self, name: str) -> Operation:
        """The operation as one poll sees it; raises `OperationNotFound`."""
        self.settle()
        operation = self._operations.get(name)
        if operation is None:
            raise OperationNotFound(name=name)
        if operation.ended is None and operation.polls_left > 0:
            operation.polls_left -= 1
        return operation

    def settle(self) -> None:
        """End every operation whose time has come."""
        now = self._clock()
        for operation in [*self._running.values()]:
            if operation.polls_left == 0 and now >= operation.due:
                del self._running[operation.resource_id.lower()]
                operation.ended = now
                operation.state = ProvisioningState.FAILED if operation.failure else ProvisioningState.SUCCEEDED
                operation.finish(operation.failure)

    def _planned_failure(self, collection: str) -> Failure | None:
        for planned in self._failures:
            if planned[0] == collection:
                self._failures.remove(planned)
                return planned[1]
        return None
