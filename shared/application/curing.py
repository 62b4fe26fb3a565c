"""Curing: what happens to a registry's incidents under its lease, from detected to applied.

Two workers that plan from the same reading would create the same rules twice; hence the lease. Every step starts from
the state that it finds, so a worker that dies between any two of them leaves nothing that the next can't take further.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from shared.application.apply import Applied, Applier
from shared.application.audit import POLICY
from shared.application.event_ports import DriftRecords
from shared.application.incident_book import IncidentBook
from shared.application.operations import Journal, Operations, bearers
from shared.application.survey import Survey
from shared.application.unrecorded import Unrecorded
from shared.domain.approvals import Decision
from shared.domain.drift import key_of
from shared.domain.incidents import Incident, IncidentState
from shared.domain.operations import rule_resource, set_resource
from shared.domain.planned_images import images_of
from shared.domain.planner import plan
from shared.domain.plans import (
    AttachCredentialSet,
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
    Outcome,
    Plan,
)
from shared.domain.policy import Mode, Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot
from shared.errors import PermanentError
from shared.telemetry import bind
from shared.telemetry.names import Work
from shared.telemetry.spans import traced
from shared.telemetry.tracing import link

_PENDING = frozenset({IncidentState.DETECTED, IncidentState.PLANNED})

_MOST_PASSES = 5
"""Incidents that arrive while others are applied are taken along; beyond this the next message takes them."""


class Run(msgspec.Struct, frozen=True):
    """One pass under the lease.

    Attributes:
        still_ours: raises when the lease is lost.
        failed: `cacheRules/<name>` or `credentialSets/<name>` → why an operation of a worker before us has failed.
    """

    still_ours: Callable[[], None]
    failed: Mapping[str, PermanentError]


class Terms(msgspec.Struct, frozen=True):
    """In which mode an incident is cured; `contested` when a person is asked, and also where the policy enforces."""

    mode: Mode
    contested: bool = False


class Curing:
    """Plans and applies what a registry's incidents need."""

    def __init__(  # noqa: PLR0913 - the parts that it works with, each by name
        self,
        *,
        policy: Policy,
        book: IncidentBook,
        survey: Survey,
        operations: Operations,
        applier: Applier,
        unrecorded: Unrecorded,
        drift_records: DriftRecords,
    ) -> None:
        self._policy = policy
        self._book = book
        self._survey = survey
        self._operations = operations
        self._applier = applier
        self._unrecorded = unrecorded
        self._drift_records = drift_records

    @traced(Work.CURING)
    async def cure(self, registry: RegistryPolicy, *, still_ours: Callable[[], None]) -> None:
        """Take each pending incident of a registry to applied, blocked or failed; what waits for a person stays.

        Raises:
            TemporaryError: an outside system is in trouble; what was done is recorded.
            PermanentError: the registry can't be read.
        """
        seen: set[str] = set()
        failed: dict[str, PermanentError] = {}
        for _ in range(_MOST_PASSES):
            pending = [i async for i in self._book.active(registry.id) if self._is_pending(registry, i, seen)]
            if not pending:
                return
            link(trace for incident in pending for trace in incident.traces)
            failed |= await self._operations.resume(registry.id, pending)
            run = Run(still_ours, failed)
            snapshot = await self._survey.read(registry.id)
            terms = await self._terms(registry, snapshot, pending)
            for incident in (i for i in pending if terms[i.id].mode is not Mode.ENFORCE):
                seen.add(incident.id)
                written = False
                async with self._unrecorded.apart(incident):
                    written = await self._propose(registry, snapshot, incident, terms[incident.id], run)
                if written:
                    snapshot = await self._survey.read(registry.id)
            await self._enforce(registry, snapshot, [i for i in pending if terms[i.id].mode is Mode.ENFORCE], run)

    def _is_pending(self, registry: RegistryPolicy, incident: Incident, seen: set[str]) -> bool:
        """Whether there is something to do now; an observed incident is planned again when its mode has changed."""
        if incident.state not in _PENDING or (incident.id in seen and incident.state is IncidentState.PLANNED):
            return False
        return (
            not incident.is_only_observed
            or self._policy.mode_for(registry, incident.source.partition("/")[0]) is not Mode.OBSERVE
        )

    async def _terms(
        self, registry: RegistryPolicy, snapshot: RegistrySnapshot, incidents: Sequence[Incident]
    ) -> dict[str, Terms]:
        """The terms of each incident by its id: the mode is the most careful one of the upstreams of its rules.

        What a failure text says about itself never chooses the mode: a rule of Docker Hub is one of Docker Hub,
        whatever registry the text speaks of. And what somebody keeps undoing is made again for no new failure's sake
        without a person's yes. Who was asked about that and said no, or nothing in time, is asked again, although the
        changes that led to the question may no longer count by then.
        """
        planned, outcomes = self._plan(registry, snapshot, incidents)
        sources = {rule.name: rule.source for rule in snapshot.rules}
        sources |= {action.name: action.source for action in planned.actions if isinstance(action, CreateCacheRule)}
        contested = await self._contested(registry, snapshot, planned)
        terms = {}
        for incident in incidents:
            rules = (sources[outcome.rule] for outcome in outcomes[incident.id] if outcome.rule in sources)
            hosts = {source.partition("/")[0] for source in (incident.source, *rules)}
            mode = min((self._policy.mode_for(registry, host) for host in hosts), key=lambda m: m.freedom)
            undone = incident.is_contested or any(outcome.rule in contested for outcome in outcomes[incident.id])
            is_asked = undone and mode is not Mode.OBSERVE
            terms[incident.id] = Terms(Mode.APPROVE, contested=True) if is_asked else Terms(mode)
        return terms

    async def _contested(self, registry: RegistryPolicy, snapshot: RegistrySnapshot, planned: Plan) -> set[str]:
        """The rules that would be made or mended although somebody keeps undoing them, or their credential set."""
        rules, sets, needs = set[str](), set[str](), {rule.name: rule.credential_set for rule in snapshot.rules}
        for action in planned.actions:
            match action:
                case CreateCredentialSet(name=name):
                    sets |= {name} if await self._is_contested(registry, "credentialSets", name) else set()
                case CreateCacheRule(name=rule) | AttachCredentialSet(rule=rule):
                    needs[rule] = action.credential_set
                    rules |= {rule} if await self._is_contested(registry, "cacheRules", rule) else set()
                case GrantVaultAccess():
                    continue
        return rules | {rule for rule, name in needs.items() if name in sets}

    async def _is_contested(self, registry: RegistryPolicy, kind: str, name: str) -> bool:
        stored = await self._drift_records.get(key_of(registry.id, kind, name))
        return stored is not None and stored.value.is_contested_at(self._book.now())

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
        terms: Terms,
        run: Run,
    ) -> bool:
        """Record what would be done, and do it only when a person has agreed; True when the registry was written to."""
        proposed, outcomes = self._plan(registry, snapshot, [incident])
        planned = await self._book.planned(incident.id, outcomes[incident.id], terms.mode, proposed)
        if planned.state is not IncidentState.PLANNED:
            return False
        if not proposed.actions:
            await self._book.applied(incident.id)
        elif terms.mode is Mode.APPROVE:
            return await self._ask(registry, snapshot, planned, proposed, terms, run)
        return False

    async def _ask(  # noqa: PLR0913, PLR0917 - what is asked, about whom, and on what terms
        self,
        registry: RegistryPolicy,
        snapshot: RegistrySnapshot,
        incident: Incident,
        proposed: Plan,
        terms: Terms,
        run: Run,
    ) -> bool:
        match self._answer_to(incident, proposed):
            case Decision.APPROVED:
                by = incident.proposal.decided_by if incident.proposal else POLICY
                journal = Journal(bearers(proposed.actions, [incident]), run.failed)
                with bind(incidents=incident.id):
                    result = await self._applier.apply(
                        registry.id, proposed, still_ours=run.still_ours, journal=journal, by=by
                    )
                await self._conclude(snapshot, incident, result)
                return True
            case Decision.REJECTED:
                await self._book.still_rejected(incident.id)
            case Decision.PENDING:
                await self._book.awaiting_approval(incident.id, proposed, contested=terms.contested)
        return False

    def _answer_to(self, incident: Incident, proposed: Plan) -> Decision:
        """What a person has said to this plan, or to one that holds all of it; too long ago is not at all."""
        answered, lifetime = incident.proposal, self._policy.limits.approval_expires_after
        if answered is None or not answered.includes(proposed) or answered.is_expired(self._book.now(), lifetime):
            return Decision.PENDING
        return answered.decision

    async def _enforce(
        self, registry: RegistryPolicy, snapshot: RegistrySnapshot, incidents: Sequence[Incident], run: Run
    ) -> None:
        planned, outcomes = self._plan(registry, snapshot, incidents)
        recorded = []
        for incident in incidents:
            async with self._unrecorded.apart(incident):
                recorded.append(await self._book.planned(incident.id, outcomes[incident.id], Mode.ENFORCE, planned))
        going = [incident for incident in recorded if incident.state is IncidentState.PLANNED]
        journal = Journal(bearers(planned.actions, going), run.failed)
        with bind(incidents=" ".join(incident.id for incident in incidents)):
            result = await self._applier.apply(registry.id, planned, still_ours=run.still_ours, journal=journal)
        for incident in going:
            async with self._unrecorded.apart(incident):
                await self._conclude(snapshot, incident, result)

    async def _conclude(self, snapshot: RegistrySnapshot, incident: Incident, result: Applied) -> None:
        """Applied, unless its rule was refused, or the credential set of a rule that was there before."""
        sets = [rule.credential_set for rule in snapshot.rules if rule.name == incident.rule and rule.credential_set]
        needed = [rule_resource(incident.rule or ""), *map(set_resource, sets)]
        refusal = next((result.refused[resource] for resource in needed if resource in result.refused), None)
        if refusal is None:
            await self._book.applied(incident.id)
        else:
            await self._book.failed(incident.id, refusal)
