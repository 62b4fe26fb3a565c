"""Curing: what happens to a registry's incidents under its lease, from detected to applied.

Two workers that plan from the same reading would create the same rules twice; hence the lease. Every step starts from
the state that it finds, so a worker that dies between any two of them leaves nothing that the next can't take further.
"""

from collections.abc import Callable, Sequence

from shared.application.apply import Applied, Applier
from shared.application.audit import POLICY
from shared.application.incident_book import IncidentBook
from shared.application.survey import Survey
from shared.domain.approvals import Decision
from shared.domain.incidents import Incident, IncidentState
from shared.domain.planned_images import images_of
from shared.domain.planner import plan
from shared.domain.plans import Outcome, Plan, Status
from shared.domain.policy import Mode, Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot
from shared.telemetry import bind

_PENDING = frozenset({IncidentState.DETECTED, IncidentState.PLANNED})

_MOST_PASSES = 5
"""Incidents that arrive while others are applied are taken along; beyond this the next message takes them."""


class Curing:
    """Plans and applies what a registry's incidents need."""

    def __init__(self, *, policy: Policy, book: IncidentBook, survey: Survey, applier: Applier) -> None:
        self._policy = policy
        self._book = book
        self._survey = survey
        self._applier = applier

    async def cure(self, registry: RegistryPolicy, *, still_ours: Callable[[], None]) -> None:
        """Take each pending incident of a registry to applied, blocked or failed; what waits for a person stays.

        Raises:
            TemporaryError: an outside system is in trouble; what was done is recorded.
            PermanentError: the registry can't be read.
        """
        for _ in range(_MOST_PASSES):
            pending = [i async for i in self._book.active(registry.id) if i.state in _PENDING]
            pending = [i for i in pending if not self._only_observed(registry, i)]
            if not pending:
                return
            snapshot = await self._survey.read(registry.id)
            enforced = [i for i in pending if self._mode(registry, i) is Mode.ENFORCE]
            for incident in (i for i in pending if i not in enforced):
                await self._propose(registry, snapshot, incident, still_ours)
            await self._enforce(registry, snapshot, enforced, still_ours)

    def _mode(self, registry: RegistryPolicy, incident: Incident) -> Mode:
        return self._policy.mode_for(registry, incident.source.partition("/")[0])

    def _only_observed(self, registry: RegistryPolicy, incident: Incident) -> bool:
        return incident.state is IncidentState.PLANNED and self._mode(registry, incident) is Mode.OBSERVE

    def _plan(
        self, registry: RegistryPolicy, snapshot: RegistrySnapshot, incidents: Sequence[Incident]
    ) -> tuple[Plan, dict[str, list[Outcome]]]:
        """The plan for some incidents, and each incident's outcomes by its id."""
        images = [image for incident in incidents for image in images_of(incident)]
        planned = plan(snapshot, images, self._policy, registry=registry)
        outcomes = iter(planned.outcomes)
        return planned, {incident.id: [next(outcomes) for _ in incident.images] for incident in incidents}

    async def _propose(
        self,
        registry: RegistryPolicy,
        snapshot: RegistrySnapshot,
        incident: Incident,
        still_ours: Callable[[], None],
    ) -> None:
        """Record what would be done, and do it only when a person has agreed, or when there is nothing to do."""
        proposed, outcomes = self._plan(registry, snapshot, [incident])
        planned = await self._book.planned(incident.id, outcomes[incident.id])
        if planned.state is not IncidentState.PLANNED:
            return
        if all(outcome.status == Status.COVERED for outcome in outcomes[incident.id]):
            await self._book.applied(incident.id)
        elif self._mode(registry, incident) is Mode.APPROVE:
            await self._ask(registry, planned, proposed, still_ours)

    async def _ask(
        self, registry: RegistryPolicy, incident: Incident, proposed: Plan, still_ours: Callable[[], None]
    ) -> None:
        match self._answer_to(incident, proposed):
            case Decision.APPROVED:
                with bind(incidents=incident.id):
                    by = incident.proposal.decided_by if incident.proposal else POLICY
                result = await self._applier.apply(registry.id, proposed, still_ours=still_ours, by=by)
                await self._conclude(incident, result)
            case Decision.REJECTED:
                await self._book.still_rejected(incident.id)
            case Decision.PENDING:
                await self._book.awaiting_approval(incident.id, proposed)

    def _answer_to(self, incident: Incident, proposed: Plan) -> Decision:
        """What a person has said to this plan, or to one that holds all of it; too long ago is not at all."""
        answered, lifetime = incident.proposal, self._policy.limits.approval_expires_after
        if answered is None or not answered.includes(proposed) or answered.is_expired(self._book.now(), lifetime):
            return Decision.PENDING
        return answered.decision

    async def _enforce(
        self,
        registry: RegistryPolicy,
        snapshot: RegistrySnapshot,
        incidents: Sequence[Incident],
        still_ours: Callable[[], None],
    ) -> None:
        planned, outcomes = self._plan(registry, snapshot, incidents)
        recorded = [await self._book.planned(incident.id, outcomes[incident.id]) for incident in incidents]
        with bind(incidents=" ".join(incident.id for incident in incidents)):
            result = await self._applier.apply(registry.id, planned, still_ours=still_ours)
        for incident in recorded:
            if incident.state is IncidentState.PLANNED:
                await self._conclude(incident, result)

    async def _conclude(self, incident: Incident, result: Applied) -> None:
        refusal = result.refused.get(incident.rule or "")
        if refusal is None:
            await self._book.applied(incident.id)
        else:
            await self._book.failed(incident.id, refusal)
