"""Incidents: everything known about one upstream repository that one registry should cover, and its life.

An incident is a value: each function here answers with a new one, and the store replaces the old under its ETag. So two
workers that change the same incident can't lose each other's change: one of them reads again and repeats its own.
"""

import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.approvals import Decision, Proposal
from shared.domain.diagnosis.redaction import redact
from shared.domain.failures import Workload
from shared.domain.operations import Operation

MOST_IMAGES = 50
MOST_OTHERS = 200
MOST_WORKLOADS = 20
MOST_TIMELINE = 60
MOST_TRACES = 8


class IncidentState(StrEnum):
    """Where an incident stands; `ACTIVE` are those that a worker still has something to do for."""

    DETECTED = "detected"
    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    APPLIED = "applied"
    VERIFIED = "verified"
    CLOSED = "closed"
    BLOCKED = "blocked"
    FAILED = "failed"


ACTIVE = frozenset({IncidentState.DETECTED, IncidentState.PLANNED, IncidentState.APPLIED})
"""The states that a worker takes further without anybody's doing."""

_NEXT: dict[IncidentState, frozenset[IncidentState]] = {
    IncidentState.DETECTED: frozenset({IncidentState.PLANNED, IncidentState.BLOCKED, IncidentState.FAILED}),
    IncidentState.PLANNED: frozenset(
        {
            IncidentState.DETECTED,
            IncidentState.AWAITING_APPROVAL,
            IncidentState.APPLIED,
            IncidentState.BLOCKED,
            IncidentState.FAILED,
        }
    ),
    IncidentState.AWAITING_APPROVAL: frozenset({IncidentState.PLANNED, IncidentState.BLOCKED, IncidentState.CLOSED}),
    IncidentState.APPLIED: frozenset(
        {IncidentState.PLANNED, IncidentState.VERIFIED, IncidentState.BLOCKED, IncidentState.FAILED}
    ),
    IncidentState.VERIFIED: frozenset({IncidentState.DETECTED, IncidentState.CLOSED}),
    IncidentState.CLOSED: frozenset({IncidentState.DETECTED}),
    IncidentState.BLOCKED: frozenset({IncidentState.DETECTED, IncidentState.CLOSED}),
    IncidentState.FAILED: frozenset({IncidentState.DETECTED, IncidentState.CLOSED}),
}


class TimelineEntry(msgspec.Struct, frozen=True):
    """One thing that happened to an incident, in a sentence."""

    at: datetime
    event: str
    text: str


class Proof(msgspec.Struct, frozen=True):
    """A manifest that the registry served.

    Attributes:
        image: the reference that failed.
        pull_from: the reference that was pulled through the registry.
        digest: the digest of the manifest's bytes, computed on our side.
        origin: `upstream` while ACR still fetches it, `cache` once it serves its own copy.
        at: when it was served.
    """

    image: str
    pull_from: str
    digest: str
    origin: str
    at: datetime


class Incident(msgspec.Struct, frozen=True):
    """All failures of one upstream repository that one registry should cover.

    Attributes:
        id: `registry key - repository key`; stable, safe in a URL, and where the store finds it.
        registry_id: the registry's ARM id as the policy writes it.
        source: the upstream repository, `docker.io/library/nginx`.
        images: the failing references, oldest first, at most `MOST_IMAGES`.
        others: further failing references, at most `MOST_OTHERS`; when it is full there may be more. The rule serves
            them too, and people are told the repository to use instead of a reference each.
        active_since: when it was opened, or opened again; how long a cure may take counts from here.
        through: failing reference → the cache rule through which the registry asked the upstream, if it did.
        workloads: failing reference → who wanted it, at most `MOST_WORKLOADS` each.
        evidence: one failing message, redacted.
        failures: the largest number of failing pulls that one reading of the logs found.
        reason: why it is blocked or failed: one word of the design page, or an outside system's error code.
        detail: the same in a sentence, with what to do.
        proposal: what a person is asked about, or has answered; None where the policy asks nobody.
        questions: how often a person was asked.
        rule: the cache rule that serves it, or will.
        pull_from: failing reference → reference to use from then on.
        proofs: one per reference that the registry served.
        left_alone: failing reference → why nothing will serve it, where other references of the repository are served.
        mode: the mode under which it was planned last, empty before.
        preventive: nothing has failed yet; an image in the registry is built from this repository.
        operation: what Resource Manager does for it; None once the end was seen, and for all who look (`shown`).
        traces: the traces (W3C `traceparent`) of the first deliveries that spoke of it, at most `MOST_TRACES`.
    """

    id: str
    registry_id: str
    source: str
    state: IncidentState
    opened_at: datetime
    updated_at: datetime
    active_since: datetime
    first_seen: datetime
    last_seen: datetime
    images: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    through: dict[str, str] = {}
    workloads: dict[str, tuple[Workload, ...]] = {}
    evidence: str = ""
    failures: int = 0
    reason: str | None = None
    detail: str = ""
    proposal: Proposal | None = None
    questions: int = 0
    rule: str | None = None
    pull_from: dict[str, str] = {}
    proofs: tuple[Proof, ...] = ()
    left_alone: dict[str, str] = {}
    mode: str = ""
    timeline: tuple[TimelineEntry, ...] = ()
    preventive: bool = False
    operation: Operation | None = None
    traces: tuple[str, ...] = ()

    @property
    def unsettled(self) -> frozenset[str]:
        """The references that are neither proven nor left alone."""
        return frozenset(self.images) - {proof.image for proof in self.proofs} - self.left_alone.keys()

    @property
    def is_only_observed(self) -> bool:
        """Whether it is planned and nothing will be done, since the policy wants to be told and no more."""
        return self.state is IncidentState.PLANNED and self.mode == "observe"

    @property
    def is_contested(self) -> bool:
        """Whether a person was asked because somebody keeps undoing the cure, and has not agreed to it."""
        asked = self.proposal
        return asked is not None and asked.contested and asked.decision is not Decision.APPROVED


class IllegalTransition(Exception):
    """The state machine has no such step."""


def registry_key(registry_id: str) -> str:
    """Twelve hex digits that stand for a registry; ARM ids are compared without regard to case."""
    return hashlib.sha256(registry_id.lower().encode()).hexdigest()[:12]


def incident_id(registry_id: str, source: str) -> str:
    """The id of the incident of a repository and a registry."""
    return f"{registry_key(registry_id)}-{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def traced_to(incident: Incident, trace: str) -> Incident:
    """The incident with one more delivery's trace, by which its cure can be found; the first few are enough."""
    ids = {known.split("-")[1] for known in incident.traces}
    if not trace or len(ids) >= MOST_TRACES or trace.split("-")[1] in ids:
        return incident
    return msgspec.structs.replace(incident, traces=(*incident.traces, trace))


def transition(  # noqa: PLR0913 - the fields that may change with a state, each by name
    incident: Incident,
    state: IncidentState,
    now: datetime,
    text: str,
    *,
    reason: str | None = None,
    detail: str = "",
) -> Incident:
    """The incident in its next state, with a line on its timeline.

    Raises:
        IllegalTransition: the state machine has no such step.
    """
    if state is not incident.state and state not in _NEXT[incident.state]:
        raise IllegalTransition(f"an incident does not go from {incident.state} to {state}")
    operation = incident.operation if state is IncidentState.PLANNED else None
    moved = msgspec.structs.replace(
        incident, state=state, reason=reason, detail=redact(detail), updated_at=now, operation=operation
    )
    return note(moved, now, f"incident.{state}", text)


def shown(incident: Incident) -> Incident:
    """The incident as it is shown to people: without its operation, whose address may carry a signature."""
    return msgspec.structs.replace(incident, operation=None)


def note(incident: Incident, now: datetime, event: str, text: str) -> Incident:
    """The incident with a line on its timeline and nothing else changed; the same line again is none.

    Where the same lines come again and again, as for a blocked image that keeps failing, their first time and their
    latest are kept. The oldest entry and the newest are kept too: how it began is never pushed out.
    """
    text = redact(text)  # an outside system's error may quote Docker Hub, which names the account
    entry = TimelineEntry(at=now, event=event, text=text)
    last = incident.timeline[-1:] and incident.timeline[-1]
    if last and (last.event, last.text) == (event, text):
        return incident
    timeline = (*_without_repetition(incident.timeline, entry), entry)
    if len(timeline) > MOST_TIMELINE:
        timeline = (timeline[0], *timeline[-(MOST_TIMELINE - 1) :])
    return msgspec.structs.replace(incident, timeline=timeline)


def _without_repetition(timeline: tuple[TimelineEntry, ...], entry: TimelineEntry) -> tuple[TimelineEntry, ...]:
    """The timeline without its end, where that only repeats what stands before it and `entry` begins it once more."""
    said = [(each.event, each.text) for each in timeline]
    again = next((at for at in range(len(said) - 1, -1, -1) if said[at] == (entry.event, entry.text)), len(said))
    length = len(said) - again
    return timeline[:again] if said[max(again - length, 0) : again] == said[again:] else timeline
