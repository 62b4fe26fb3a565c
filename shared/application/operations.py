"""Operations that outlive their worker: written on an incident while they run, taken further by whoever comes next.

One incident of a run carries an operation, the first that needs the rule or credential set: a successor reads all
incidents of the registry anyway, and a hundred writes for each rule of a storm would help nobody.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec

from shared.application.audit import POLICY, Audit
from shared.application.incident_book import IncidentBook
from shared.application.registry_ports import OperationUntold, Registries
from shared.application.unrecorded import Unrecorded
from shared.domain.incidents import Incident
from shared.domain.operations import Operation, changed_by, needed_set, rule_resource, set_resource
from shared.domain.plans import Action
from shared.errors import CachewardenError, PermanentError
from shared.telemetry import get_logger

_log = get_logger(__name__)


class Journal(msgspec.Struct, frozen=True):
    """What a run has to know of operations.

    Attributes:
        bearers: `cacheRules/<name>` or `credentialSets/<name>` → the incident that carries its operation.
        failed: the same → why an operation that a worker before us began has failed.
    """

    bearers: Mapping[str, Incident] = {}
    failed: Mapping[str, PermanentError] = {}


def bearers(actions: Iterable[Action], incidents: Iterable[Incident]) -> dict[str, Incident]:
    """The first incident that needs what an action makes, by `cacheRules/<name>` or `credentialSets/<name>`."""
    found: dict[str, Incident] = {}
    for incident in incidents:
        if incident.rule:
            found.setdefault(rule_resource(incident.rule), incident)
    for action in actions:
        rule, needs = changed_by(action), needed_set(action)
        if needs and rule in found:
            found.setdefault(set_resource(needs), found[rule])
    return found


class Operations:
    """Waits for operations, and keeps them where a successor finds them."""

    def __init__(self, *, registries: Registries, book: IncidentBook, unrecorded: Unrecorded, audit: Audit) -> None:
        self._registries = registries
        self._book = book
        self._unrecorded = unrecorded
        self._audit = audit

    async def finish(self, registry_id: str, operation: Operation, bearer: Incident | None) -> None:
        """Wait for the end of an operation that was accepted just now; it is on its bearer until then.

        Raises:
            PermanentError, TemporaryError: what it failed of.
            TemporaryError: its end can't be told now, or the storage is in trouble.
        """
        if bearer is not None:
            async with self._unrecorded.apart(bearer):
                await self._book.operation_accepted(bearer.id, operation)
        failure = await self._registries.until_ended(registry_id, operation)
        if bearer is not None:
            async with self._unrecorded.apart(bearer):
                await self._book.operation_ended(bearer.id, operation)
        if failure is not None:
            raise failure

    async def resume(self, registry_id: str, incidents: Iterable[Incident]) -> dict[str, PermanentError]:
        """Wait for what other workers left running; why it failed for good, by what it was about.

        A failure that passes by itself, and one whose reason is lost, are none here: the plan makes it again.

        Raises:
            TemporaryError: an end can't be told now; it stays on its incident.
        """
        failed: dict[str, PermanentError] = {}
        for incident in incidents:
            if incident.operation is None:
                continue
            _log.info("operation.resumed", incident=incident.id, resource=incident.operation.resource)
            failure = await self._registries.until_ended(registry_id, incident.operation)
            await self._record(registry_id, incident.operation, failure)
            async with self._unrecorded.apart(incident):
                await self._book.operation_ended(incident.id, incident.operation)
            if isinstance(failure, PermanentError) and not isinstance(failure, OperationUntold):
                failed[incident.operation.resource] = failure
        return failed

    async def _record(self, registry_id: str, operation: Operation, failure: CachewardenError | None) -> None:
        """The worker that began it has left the trail without its end; trouble with the trail changes nothing now."""
        resource, why = f"{registry_id}/{operation.resource}", "a worker that is gone began it"
        with suppress(CachewardenError):
            async with self._audit.change("resume_operation", resource, by=POLICY, why=why):
                if failure is not None:
                    raise failure
