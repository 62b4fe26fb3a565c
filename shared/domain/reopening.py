"""Opening a cured incident again: its rule or its image is gone, so the cure has to be made and proven once more."""

from datetime import datetime

import msgspec

from shared.domain.approvals import propose
from shared.domain.asking import ask
from shared.domain.incidents import Incident, IncidentState, transition
from shared.domain.plans import Plan

CURED = frozenset({IncidentState.APPLIED, IncidentState.VERIFIED, IncidentState.CLOSED})


def reopen(incident: Incident, now: datetime, text: str, *, question: Plan | None = None) -> Incident:
    """A cured incident without its proofs, to be planned for again; any other stays as it is.

    Args:
        incident: the incident.
        now: the time.
        text: why, for its timeline.
        question: the plan that a person has to agree to first, whatever the mode; None to go on by the mode.
    """
    if incident.state not in CURED:
        return incident
    first = IncidentState.PLANNED if incident.state is IncidentState.APPLIED else IncidentState.DETECTED
    bare = msgspec.structs.replace(incident, proofs=(), proposal=None, active_since=now, traces=())
    opened = transition(bare, first, now, text)
    if question is None:
        return opened
    if opened.state is IncidentState.DETECTED:
        opened = transition(opened, IncidentState.PLANNED, now, "the repair is planned")
    return ask(opened, propose(question, now, contested=True), now)
