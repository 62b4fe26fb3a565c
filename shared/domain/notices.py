"""Notices: what people are told, typed and without a channel's clothes.

A notice's id is made from what it says, not from when: telling the same thing twice gives the same id, and a reader
that keeps ids never sees it twice.
"""

import hashlib
from datetime import datetime

import msgspec

from shared.domain.approvals import Proposal
from shared.domain.incidents import Incident, Proof
from shared.domain.notice_kinds import NoticeKind


class HandOff(msgspec.Struct, frozen=True):
    """What is left for people: the new reference of one image, and the lines that put it in place.

    Attributes:
        image: the reference that fails.
        pull_from: the reference to use from then on.
        commands: `kubectl set image …`, one per workload concerned; empty when no workload is known.
    """

    image: str
    pull_from: str
    commands: tuple[str, ...] = ()


class Notice(msgspec.Struct, frozen=True):
    """One thing that people are told about an incident.

    Attributes:
        id: 32 hex digits, made from the content.
        kind: what it is about.
        incident_id: the incident.
        registry_id: the registry's ARM id.
        source: the upstream repository.
        state: the incident's state.
        cause: what failed, one redacted line of evidence.
        reason: why it is blocked or failed, None otherwise.
        detail: the reason in a sentence, with what to do.
        rule: the cache rule that serves the image.
        proposal: the plan that a person is asked about; None where nobody is asked.
        proofs: what the registry served.
        hand_off: what is left to do.
        at: when it was written.
    """

    id: str
    kind: NoticeKind
    incident_id: str
    registry_id: str
    source: str
    state: str
    at: datetime
    cause: str = ""
    reason: str | None = None
    detail: str = ""
    rule: str | None = None
    proposal: Proposal | None = None
    proofs: tuple[Proof, ...] = ()
    hand_off: tuple[HandOff, ...] = ()


def notice_of(kind: NoticeKind, incident: Incident, hand_off: tuple[HandOff, ...], now: datetime) -> Notice:
    """The notice that tells where an incident stands."""
    asked = incident.proposal and (incident.proposal.plan, incident.proposal.proposed_at.date())
    images = sorted((each.image, each.pull_from) for each in hand_off)
    told = (kind, incident.id, incident.reason, incident.rule, asked, images)
    return Notice(
        id=hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32],
        kind=kind,
        incident_id=incident.id,
        registry_id=incident.registry_id,
        source=incident.source,
        state=incident.state,
        at=now,
        cause=incident.evidence,
        reason=incident.reason,
        detail=incident.detail,
        rule=incident.rule,
        proposal=incident.proposal,
        proofs=incident.proofs,
        hand_off=hand_off,
    )
