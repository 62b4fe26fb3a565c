"""The incident book: every change of an incident's state goes through here, and so does telling people of it.

The notice is in the outbox before the new state is stored: a crash in between repeats the step, and the same notice
again is no second one. The other order would lose it.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec

from shared.application.incident_ports import Incidents
from shared.application.notification import Notification
from shared.application.ports import Clock
from shared.application.records import cause_of, change
from shared.domain.approvals import Decision, propose
from shared.domain.asking import answer, ask, reject_again, take_back
from shared.domain.closing import close
from shared.domain.incidents import ACTIVE, Incident, IncidentState, Proof, note, transition
from shared.domain.notice_kinds import NoticeKind
from shared.domain.operations import Operation
from shared.domain.plans import Outcome, Plan
from shared.domain.policy import Mode
from shared.domain.reopening import reopen
from shared.errors import CachewardenError
from shared.telemetry import bind, get_logger
from shared.telemetry.instruments import CURE_TIME, TRANSITIONS
from shared.telemetry.metrics import count, observe

_log = get_logger(__name__)

_NOTICES = {
    IncidentState.AWAITING_APPROVAL: NoticeKind.INCIDENT_AWAITING_APPROVAL,
    IncidentState.APPLIED: NoticeKind.INCIDENT_APPLIED,
    IncidentState.VERIFIED: NoticeKind.INCIDENT_VERIFIED,
    IncidentState.BLOCKED: NoticeKind.INCIDENT_BLOCKED,
    IncidentState.FAILED: NoticeKind.INCIDENT_FAILED,
}


class IncidentBook:
    """Moves incidents from state to state, under their ETags, with a notice where people want one."""

    def __init__(self, *, incidents: Incidents, notification: Notification, clock: Clock) -> None:
        self._incidents = incidents
        self._notification = notification
        self._clock = clock

    def now(self) -> datetime:
        """The time by which the book is kept."""
        return self._clock.now()

    async def active(self, registry_id: str) -> AsyncIterator[Incident]:
        """The incidents of a registry that are not settled."""
        async for stored in self._incidents.of_registry(registry_id, active_only=True):
            yield stored.value

    async def planned(self, key: str, outcomes: Sequence[Outcome], mode: Mode, plan: Plan) -> Incident:
        """Record what the plan says: planned with the rule and the new references, or blocked.

        In mode `observe` the plan goes on the incident, and people are told of it.

        People who want to know of every failure hear of it here, because what was detected is planned for at once.
        """
        if self._notification.wants(NoticeKind.INCIDENT_DETECTED):
            stored = await self._incidents.get(key)
            if stored is not None and stored.value.state is IncidentState.DETECTED:
                await self._notification.announce(NoticeKind.INCIDENT_DETECTED, stored.value)
        return await self._move(key, partial(self._with_plan, outcomes=outcomes, mode=mode, plan=plan))

    async def awaiting_approval(self, key: str, plan: Plan, *, contested: bool) -> Incident:
        """The plan waits for a person's yes; `contested` when that is so whatever the mode."""

        def edit(incident: Incident) -> Incident:
            if incident.state is not IncidentState.PLANNED:
                return incident
            now = self._clock.now()
            return ask(incident, propose(plan, now, contested=contested), now)

        return await self._move(key, edit)

    async def answered(self, key: str, plan: str, decision: Decision, *, by: str, why: str) -> Incident:
        """A person agreed to the plan of this hash or not; a second answer, or one to another plan, changes nothing."""
        return await self._move(key, lambda i: answer(i, plan, decision, self._clock.now(), by=by, why=why))

    async def asked_too_long_ago(self, key: str) -> Incident:
        """The question has expired: it is planned for anew, and asked anew where a person has to agree."""
        return await self._move(key, lambda incident: take_back(incident, self._clock.now()))

    async def still_rejected(self, key: str) -> Incident:
        """The image failed again, and its plan is the one that a person disagreed with."""
        return await self._move(key, lambda incident: reject_again(incident, self._clock.now()))

    async def applied(self, key: str) -> Incident:
        """What the plan calls for is there."""
        return await self._to(key, IncidentState.APPLIED, "the registry has a rule that covers the image")

    async def failed(self, key: str, error: CachewardenError) -> Incident:
        """It can't be cured without somebody's doing."""

        def edit(incident: Incident) -> Incident:
            if incident.state not in ACTIVE:  # another worker was faster, and its proof stands
                return incident
            detail = f"{error} {error.hint}".strip()
            return transition(
                incident, IncidentState.FAILED, self._clock.now(), str(error), reason=error.code, detail=detail
            )

        return await self._move(key, edit)

    async def waiting(self, key: str, error: CachewardenError) -> Incident:
        """An outside system is in trouble; it is tried again, unless another worker has taken it further meanwhile."""

        def edit(incident: Incident) -> Incident:
            if incident.state not in ACTIVE:
                return incident
            return note(incident, self._clock.now(), "incident.waiting", f"{error.code}: {error}")

        return await self._move(key, edit)

    async def verified(self, key: str, proofs: Sequence[Proof]) -> Incident:
        """The registry serves the images; one that came meanwhile is planned for first."""

        def edit(incident: Incident) -> Incident:
            if incident.state is not IncidentState.APPLIED:
                return incident
            now = self._clock.now()
            known = {proof.image: proof for proof in (*incident.proofs, *proofs)}
            proven = msgspec.structs.replace(incident, proofs=tuple(known.values()))
            if not proven.unsettled:
                served = ", ".join(proof.pull_from for proof in known.values())
                return transition(proven, IncidentState.VERIFIED, now, f"the registry serves {served}")
            return transition(proven, IncidentState.PLANNED, now, "another reference failed meanwhile")

        return await self._move(key, edit)

    async def unmade(self, key: str, text: str) -> Incident:
        """The rule that counted as there has failed to be made: it is planned for again."""

        def edit(incident: Incident) -> Incident:
            if incident.state is not IncidentState.APPLIED:
                return incident
            return transition(incident, IncidentState.PLANNED, self._clock.now(), text)

        return await self._move(key, edit)

    async def operation_accepted(self, key: str, operation: Operation) -> None:
        """Resource Manager does something for the incident; whoever takes it up next can wait for that."""
        await change(
            self._incidents,
            key,
            lambda i: msgspec.structs.replace(i, operation=operation) if i.state is IncidentState.PLANNED else i,
        )

    async def operation_ended(self, key: str, operation: Operation) -> None:
        """The end of an operation was seen; another one that is there by now stays."""
        await change(
            self._incidents,
            key,
            lambda i: msgspec.structs.replace(i, operation=None) if i.operation == operation else i,
        )

    async def closed(self, key: str, quiet_for: timedelta) -> Incident:
        """Nothing was heard of a settled incident for so long; one that changed meanwhile stays as it is."""
        return await self._move(key, lambda incident: close(incident, self._clock.now(), quiet_for))

    async def reopened(self, key: str, text: str, *, question: Plan | None = None) -> Incident:
        """A cured incident is to be cured again; a person has to agree to `question` first, whatever the mode."""
        return await self._move(key, lambda incident: reopen(incident, self._clock.now(), text, question=question))

    def _with_plan(self, incident: Incident, *, outcomes: Sequence[Outcome], mode: Mode, plan: Plan) -> Incident:
        """A reference that nothing will serve is left alone; when there is no other one, the incident is blocked."""
        now = self._clock.now()
        if incident.state not in {IncidentState.DETECTED, IncidentState.PLANNED}:
            return incident
        served = [outcome for outcome in outcomes if outcome.pull_from]
        first = served[0] if served else outcomes[0]
        if not served:
            text = f"{first.reason}: {first.detail}"
            return transition(incident, IncidentState.BLOCKED, now, text, reason=first.reason, detail=first.detail)
        is_freed = incident.mode == Mode.OBSERVE and mode is not Mode.OBSERVE
        found = msgspec.structs.replace(
            incident,
            rule=first.rule,
            pull_from={outcome.image: outcome.pull_from for outcome in served if outcome.pull_from},
            left_alone={o.image: o.reason or "not_served" for o in outcomes if not o.pull_from},
            mode=mode,
            proposal=propose(plan, now, contested=incident.is_contested) if mode is Mode.OBSERVE else incident.proposal,
            active_since=now if is_freed else incident.active_since,
        )
        return transition(found, IncidentState.PLANNED, now, f"the rule {first.rule} is {first.status}")

    async def _to(self, key: str, state: IncidentState, text: str) -> Incident:
        return await self._move(
            key, lambda i: transition(i, state, self._clock.now(), text) if i.state is IncidentState.PLANNED else i
        )

    async def _move(self, key: str, edit: Callable[[Incident], Incident]) -> Incident:
        """Change an incident; when its state is one that people want to know of, the notice goes out first."""

        async def announce(incident: Incident) -> None:
            kind = _NOTICES.get(incident.state)
            if kind is NoticeKind.INCIDENT_VERIFIED and incident.preventive:
                kind = NoticeKind.INCIDENT_PREVENTED
            if incident.is_only_observed:
                kind = NoticeKind.INCIDENT_PLANNED
            if kind is not None:
                await self._notification.announce(kind, incident)

        before: list[IncidentState] = []

        def remembering(incident: Incident) -> Incident:
            before[:] = [incident.state]
            return edit(incident)

        with bind(incident=key):
            moved = await change(self._incidents, key, remembering, before_write=announce)
            _measure(before[0], moved)
            _log.info(f"incident.{moved.state}", source=moved.source, reason=moved.reason)
            return moved


def _measure(before: IncidentState, incident: Incident) -> None:
    if before is incident.state:
        return
    count(TRANSITIONS, **{"from": before, "to": incident.state, "cause": cause_of(incident)})
    if incident.state in {IncidentState.APPLIED, IncidentState.VERIFIED}:
        took = (incident.updated_at - incident.active_since).total_seconds()
        observe(CURE_TIME, took, state=incident.state)
