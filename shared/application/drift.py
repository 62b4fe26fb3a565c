"""Drift: a rule or credential set was changed by somebody; what the policy calls for is judged anew from ARM.

Our own writes are such events too. They leave everything in order, and what is in order is left alone, so nothing has
to be remembered about who we are.
"""

from collections.abc import Sequence

import msgspec

from shared.application.delivery_ports import Intends
from shared.application.event_ports import DriftRecords
from shared.application.incident_book import IncidentBook
from shared.application.incident_ports import Incidents
from shared.application.notification import Notification
from shared.application.ports import Clock
from shared.application.records import until_unchanged
from shared.application.survey import Survey
from shared.application.unrecorded import Unrecorded
from shared.domain.drift import Change, DriftRecord, drift_notice, resource_key, what_happened
from shared.domain.events import ChangeHint
from shared.domain.incidents import Incident
from shared.domain.planned_images import images_of
from shared.domain.planner import plan
from shared.domain.plans import Plan, Status
from shared.domain.policy import Mode, Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot
from shared.domain.reopening import CURED
from shared.telemetry import get_logger

_log = get_logger(__name__)


class Drift:
    """Finds out what a change means, tells people, and opens the incidents that it undid."""

    def __init__(  # noqa: PLR0913 - the ports that it uses, each by name
        self,
        *,
        policy: Policy,
        incidents: Incidents,
        book: IncidentBook,
        unrecorded: Unrecorded,
        survey: Survey,
        records: DriftRecords,
        notification: Notification,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._book = book
        self._unrecorded = unrecorded
        self._survey = survey
        self._records = records
        self._notification = notification
        self._clock = clock

    async def look(self, registry: RegistryPolicy, hint: ChangeHint, delivery: str, intends: Intends) -> None:
        """Open the incidents again that a change undid, noted by `intends` before; none when all is in order.

        Raises:
            TemporaryError: something outside or the storage is in trouble.
            PermanentError: the registry can't be read.
        """
        concerned = [
            stored.value
            async for stored in self._incidents.of_registry(registry.id, active_only=False)
            if stored.value.state in CURED
        ]
        if not concerned:
            return
        snapshot = await self._survey.read(registry.id)
        undone = self._undone(registry, snapshot, hint, concerned)
        if not undone:
            return
        await intends([incident.id for incident in undone])
        contested = await self._remember(hint, delivery) and self._mode(registry, undone[0]) is not Mode.OBSERVE
        await self._tell(registry, hint, delivery, undone, contested=contested)
        text = what_happened(hint)
        for incident in undone:
            question = self._plan(registry, snapshot, [incident]) if contested else None
            async with self._unrecorded.apart(incident):
                await self._book.reopened(incident.id, text, question=question)

    def _undone(
        self, registry: RegistryPolicy, snapshot: RegistrySnapshot, hint: ChangeHint, incidents: Sequence[Incident]
    ) -> list[Incident]:
        """The incidents that rely on what was changed and are no longer covered."""
        relying = [incident for incident in incidents if _relies(incident, snapshot, hint)]
        outcomes = iter(self._plan(registry, snapshot, relying).outcomes)
        statuses = {incident.id: {next(outcomes).status for _ in incident.images} for incident in relying}
        return [incident for incident in relying if statuses[incident.id] != {Status.COVERED}]

    def _plan(self, registry: RegistryPolicy, snapshot: RegistrySnapshot, incidents: Sequence[Incident]) -> Plan:
        images = [image for incident in incidents for image in images_of(incident)]
        return plan(snapshot, images, self._policy, registry=registry)

    def _mode(self, registry: RegistryPolicy, incident: Incident) -> Mode:
        return self._policy.mode_for(registry, incident.source.partition("/")[0])

    async def _remember(self, hint: ChangeHint, delivery: str) -> bool:
        """Whether this is not the first such change by the same person; the same delivery again counts once."""
        change, key = Change(delivery=delivery, by=hint.by, at=hint.at), resource_key(hint)

        async def attempt() -> bool:
            stored = await self._records.get(key)
            known = stored.value if stored is not None else DriftRecord(key)
            record = known.with_change(change)
            if stored is None:
                await self._records.insert(record)
            elif record != known:
                await self._records.replace(stored, record)
            return record.is_contested(change)

        return await until_unchanged(f"the record of {key}", attempt)

    async def _tell(
        self, registry: RegistryPolicy, hint: ChangeHint, delivery: str, undone: Sequence[Incident], *, contested: bool
    ) -> None:
        _log.warning("drift.found", kind=hint.kind, name=hint.name, incidents=len(undone), contested=contested)
        told = msgspec.structs.replace(hint, registry_id=registry.id)
        await self._notification.tell(
            drift_notice(
                told,
                delivery=delivery,
                mode=self._mode(registry, undone[0]),
                contested=contested,
                sources=[incident.source for incident in undone],
                now=self._clock.now(),
            )
        )


def _relies(incident: Incident, snapshot: RegistrySnapshot, hint: ChangeHint) -> bool:
    """Whether an incident's cure rests on the resource that was changed."""
    if hint.kind == "cacheRules":
        return (incident.rule or "").lower() == hint.name.lower()
    rule = next((r for r in snapshot.rules if r.name.lower() == (incident.rule or "").lower()), None)
    return rule is not None and (rule.credential_set or hint.name).lower() == hint.name.lower()
