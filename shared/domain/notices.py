"""Notices: what people are told, typed and without a channel's clothes.

A notice's id is made from what it says, not from when: telling the same thing twice gives the same id, and a reader
that keeps ids never sees it twice.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from shared.domain.approvals import Proposal
from shared.domain.incidents import MOST_OTHERS, Incident, Proof
from shared.domain.notice_kinds import NoticeKind, Severity

__all__ = [
    "MOST_RESOURCES",
    "MOST_WORKLOADS",
    "HandOff",
    "Notice",
    "Severity",
    "failing_resources",
    "notice_id",
    "notice_of",
]

MOST_WORKLOADS = 20
"""Workloads that a notice names; the incident has the others."""

MOST_RESOURCES = 5
"""Clusters and apps that a notice names."""


class HandOff(msgspec.Struct, frozen=True):
    """What is left for people: the new reference of one image, and the lines that put it in place.

    Attributes:
        image: the reference that fails; the repository where more fail than are listed.
        pull_from: the reference to use from then on; for a repository its place in the registry, tags and digests kept.
        commands: `kubectl set image …`, one per workload concerned; empty when no workload is known.
        kustomize: the `images:` part of a kustomization.
        helm: the values that most charts read an image from.
        dockerfile: the `FROM` line of a Dockerfile that builds on the image.
    """

    image: str
    pull_from: str
    commands: tuple[str, ...] = ()
    kustomize: str = ""
    helm: str = ""
    dockerfile: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that people are told.

    Attributes:
        id: 32 hex digits, made from the content.
        kind: what it is about.
        subject: whom it is about: `incidents/<id>`, `resources/<registry-kind-name>`, `rotations/<id>`,
            `credentials/<name>`, `dead-letters/<id>`, `digests/<day>`, `storms/<channel>`, `channels/<name>`.
        severity: how soon somebody should look.
        summary: the whole of it in one sentence.
        at: when it was written.
        registry_id: the registry's ARM id, empty where none is concerned.
        upstream: the upstream's host, empty where none is concerned.
        source: the upstream repository, empty where none is concerned.
        cause: what failed, one redacted line of evidence.
        reason: why it is blocked or failed, None otherwise.
        detail: the reason in a sentence, with what to do.
        rule: the cache rule that serves the image.
        proposal: the plan that a person is asked about; None where nobody is asked.
        proofs: what the registry served.
        hand_off: what is left to do about images.
        facts: more for whoever looks closer, a name and a short text each.
        workloads: who wanted the image, `shop/Deployment/web` each, at most `MOST_WORKLOADS`.
        resources: the ARM ids of the clusters and apps that failed to pull it, at most `MOST_RESOURCES`.
        next_step: what happens next, and what is left to people.
        version: the version of this form; a later one only adds.
    """

    id: str
    kind: NoticeKind
    subject: str
    severity: Severity
    summary: str
    at: datetime
    registry_id: str = ""
    upstream: str = ""
    source: str = ""
    cause: str = ""
    reason: str | None = None
    detail: str = ""
    rule: str | None = None
    proposal: Proposal | None = None
    proofs: tuple[Proof, ...] = ()
    hand_off: tuple[HandOff, ...] = ()
    facts: dict[str, str] = {}
    workloads: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    next_step: str = ""
    version: Literal[1] = 1


def notice_id(kind: NoticeKind, subject: str, told: Sequence[object]) -> str:
    """The id of a notice; `told` is what makes it another one than the last of its kind about the same subject."""
    return hashlib.sha256(msgspec.json.encode((kind, subject, told))).hexdigest()[:32]


_SEVERITIES = {
    NoticeKind.INCIDENT_PLANNED: Severity.WARNING,
    NoticeKind.INCIDENT_AWAITING_APPROVAL: Severity.WARNING,
    NoticeKind.INCIDENT_BLOCKED: Severity.WARNING,
    NoticeKind.INCIDENT_FAILED: Severity.CRITICAL,
}

_SUMMARIES = {
    NoticeKind.INCIDENT_DETECTED: "{source} is limited upstream",
    NoticeKind.INCIDENT_PLANNED: "{source} is limited upstream; a cache rule would help, and the policy only observes",
    NoticeKind.INCIDENT_APPLIED: "{source} has a cache rule; whether the registry serves it is being looked at",
    NoticeKind.INCIDENT_AWAITING_APPROVAL: "{source} is limited upstream; a cache rule waits for approval",
    NoticeKind.INCIDENT_VERIFIED: "{source} is served from the registry; change the reference",
    NoticeKind.INCIDENT_PREVENTED: "{source} is served from the registry before anybody met the limit",
    NoticeKind.INCIDENT_BLOCKED: "{source} is limited upstream and can't be cached: {reason}",
    NoticeKind.INCIDENT_FAILED: "{source} is limited upstream and caching it failed: {reason}",
}

_NEXT_STEPS = {
    NoticeKind.INCIDENT_DETECTED: "Nothing to do yet: a plan is made, and you hear what became of it.",
    NoticeKind.INCIDENT_PLANNED: "Nothing is changed: create the rule, or have the policy do more than observe.",
    NoticeKind.INCIDENT_AWAITING_APPROVAL: "Nothing is changed until a person approves the plan.",
    NoticeKind.INCIDENT_APPLIED: "The registry is asked for the image; you hear when it serves it.",
    NoticeKind.INCIDENT_VERIFIED: "Change the reference; until then the workload keeps pulling from the upstream.",
    NoticeKind.INCIDENT_PREVENTED: "Build on the new reference; until then builds keep pulling from the upstream.",
    NoticeKind.INCIDENT_BLOCKED: "Nothing is done by itself; it is looked at again when the image fails again.",
    NoticeKind.INCIDENT_FAILED: "Nothing more is tried until the image fails again.",
}


def notice_of(kind: NoticeKind, incident: Incident, hand_off: tuple[HandOff, ...], now: datetime) -> Notice:
    """The notice that tells where an incident stands."""
    asked = incident.proposal and (incident.proposal.plan, incident.questions)
    images = sorted((each.image, each.pull_from) for each in hand_off)
    subject = f"incidents/{incident.id}"
    summary = _SUMMARIES.get(kind, "{source}: {state}")
    return Notice(
        id=notice_id(kind, subject, (incident.reason, incident.rule, asked, images)),
        kind=kind,
        subject=subject,
        severity=_SEVERITIES.get(kind, Severity.INFO),
        summary=summary.format(source=incident.source, reason=incident.reason, state=incident.state),
        at=now,
        registry_id=incident.registry_id,
        upstream=incident.source.partition("/")[0],
        source=incident.source,
        cause=incident.evidence,
        reason=incident.reason,
        detail=incident.detail,
        rule=incident.rule,
        proposal=incident.proposal,
        proofs=incident.proofs,
        hand_off=hand_off,
        facts=_others(incident),
        workloads=_workloads(incident),
        resources=failing_resources(incident),
        next_step=_NEXT_STEPS.get(kind, ""),
    )


def _others(incident: Incident) -> dict[str, str]:
    """How many more references fail than are listed."""
    if not incident.others:
        return {}
    count = f"{len(incident.others)}{' or more' if len(incident.others) >= MOST_OTHERS else ''}"
    return {"More references": f"{count}; what holds for the repository holds for them, tag or digest kept"}


def _workloads(incident: Incident) -> tuple[str, ...]:
    """The workloads of all images, each once."""
    named = (
        "/".join(part for part in (workload.namespace, workload.kind, workload.name) if part)
        for workloads in incident.workloads.values()
        for workload in workloads
    )
    return tuple(dict.fromkeys(named))[:MOST_WORKLOADS]


def failing_resources(incident: Incident) -> tuple[str, ...]:
    """The ARM ids of the clusters and apps that wanted the images, each once, at most `MOST_RESOURCES`."""
    named = (each.resource_id for workloads in incident.workloads.values() for each in workloads if each.resource_id)
    return tuple(dict.fromkeys(named))[:MOST_RESOURCES]
