"""Drift: a rule or credential set was changed by somebody; what the policy calls for is judged anew from ARM.

Our own writes are such events too. They leave everything in order, and what is in order is left alone, so nothing has
to be remembered about who we are.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

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
from shared.domain.plans import Blocked, Plan, Status
from shared.domain.policy import Mode, Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot
from shared.domain.reopening import CURED
from shared.telemetry import get_logger

_LISTED: Final = timedelta(minutes=3)
"""So long after a change its rule may not be listed yet: nobody promises that ARM's lists are current."""

_GIVEN_UP: Final = frozenset({Blocked.UPSTREAM_NOT_IN_POLICY, Blocked.DENIED_BY_POLICY, Blocked.UPSTREAM_NOT_SUPPORTED})

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
        cured = await self._cured(registry)
        if not cured:
            return
        snapshot = await self._survey.read(registry.id)
        undone = self._undone(registry, snapshot, [incident for incident in cured if _relies(incident, snapshot, hint)])
        if undone:
            await intends([incident.id for incident in undone])
            await self._reopen(registry, snapshot, hint, delivery, undone)

    async def find(self, registry: RegistryPolicy) -> bool:
        """Do the same for rules that are gone and of which no event told; True when an incident was opened again.

        What happened since the last proof is one change, however often it is looked for.

        Raises:
            TemporaryError, PermanentError: as `look`.
        """
        now = self._clock.now()
        cured = [incident for incident in await self._cured(registry) if now - incident.updated_at >= _LISTED]
        if not cured:
            return False
        snapshot = await self._survey.read(registry.id)
        serving = {rule.name.lower() for rule in snapshot.rules if rule.is_serving}
        by_rule: dict[str, list[Incident]] = {}
        for incident in self._undone(registry, snapshot, cured):
            if incident.rule and incident.rule.lower() not in serving:
                by_rule.setdefault(incident.rule, []).append(incident)
        there = {rule.name.lower() for rule in snapshot.rules}
        for rule, undone in by_rule.items():
            deleted = rule.lower() not in there
            hint = ChangeHint(registry.id, "cacheRules", rule, deleted=deleted, by="", at=now, found=True)
            proven = max((proof.at.isoformat() for incident in undone for proof in incident.proofs), default="never")
            await self._reopen(registry, snapshot, hint, f"found-{resource_key(hint)}-{proven}", undone)
        return bool(by_rule)

    async def _cured(self, registry: RegistryPolicy) -> list[Incident]:
        return [
            stored.value
            async for stored in self._incidents.of_registry(registry.id, active_only=False)
            if stored.value.state in CURED
        ]

    async def _reopen(
        self,
        registry: RegistryPolicy,
        snapshot: RegistrySnapshot,
        hint: ChangeHint,
        delivery: str,
        undone: Sequence[Incident],
    ) -> None:
        contested = await self._remember(hint, delivery) and self._mode(registry, undone[0]) is not Mode.OBSERVE
        hindrance = _hindrance(self._plan(registry, snapshot, undone))
        await self._tell(registry, hint, delivery, undone, contested=contested, hindrance=hindrance)
        for incident in undone:
            asked = self._plan(registry, snapshot, [incident]) if contested else None
            async with self._unrecorded.apart(incident):
                question = asked if asked is not None and asked.actions else None
                await self._book.reopened(incident.id, what_happened(hint), question=question)

    def _undone(
        self, registry: RegistryPolicy, snapshot: RegistrySnapshot, incidents: Sequence[Incident]
    ) -> list[Incident]:
        """Those of the incidents that are no longer covered, although the policy calls for it.

        A reference that was left alone never was, and what the policy no longer admits was given up on purpose.
        """
        outcomes = iter(self._plan(registry, snapshot, incidents).outcomes)
        uncovered = {
            incident.id
            for incident in incidents
            for outcome in [next(outcomes) for _ in incident.images]
            if outcome.status is not Status.COVERED and outcome.reason not in _GIVEN_UP
            if outcome.image not in incident.left_alone
        }
        return [incident for incident in incidents if incident.id in uncovered]

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

    async def _tell(  # noqa: PLR0913 - everything that is told, each by name
        self,
        registry: RegistryPolicy,
        hint: ChangeHint,
        delivery: str,
        undone: Sequence[Incident],
        *,
        contested: bool,
        hindrance: str,
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
                hindrance=hindrance,
            )
        )


def _relies(incident: Incident, snapshot: RegistrySnapshot, hint: ChangeHint) -> bool:
    """Whether an incident's cure rests on the resource that was changed."""
    if hint.kind == "cacheRules":
        return (incident.rule or "").lower() == hint.name.lower()
    rule = next((r for r in snapshot.rules if r.name.lower() == (incident.rule or "").lower()), None)
    return rule is not None and (rule.credential_set or hint.name).lower() == hint.name.lower()


def _hindrance(planned: Plan) -> str:
    """Why none of the images can be covered again as things are, in the planner's words; empty when one can."""
    is_blocked = all(outcome.status is Status.BLOCKED for outcome in planned.outcomes)
    return planned.outcomes[0].detail if is_blocked else ""
