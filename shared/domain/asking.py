"""Asking a person about an incident, and what their answer makes of it."""

from datetime import datetime

import msgspec

from shared.domain.approvals import Decision, Proposal
from shared.domain.incidents import Incident, IncidentState, transition


def ask(incident: Incident, proposal: Proposal, now: datetime) -> Incident:
    """The incident with a question to a person; the next question is another one, whatever it asks."""
    asked = msgspec.structs.replace(incident, proposal=proposal, questions=incident.questions + 1)
    return transition(asked, IncidentState.AWAITING_APPROVAL, now, "a person has to agree first")


def reject(incident: Incident, proposal: Proposal, now: datetime) -> Incident:
    """The incident at rest, because a person said no to what is proposed."""
    text = f"rejected by {proposal.decided_by}: {proposal.why or 'no reason given'}"
    said = msgspec.structs.replace(incident, proposal=proposal)
    return transition(said, IncidentState.BLOCKED, now, text, reason="rejected", detail=text)


def answer(  # noqa: PLR0913 - the parts of an answer, each by name
    incident: Incident, plan: str, decision: Decision, now: datetime, *, by: str, why: str
) -> Incident:
    """The incident with a person's answer; one to another plan, or to no question, changes nothing."""
    asked = incident.proposal
    if incident.state is not IncidentState.AWAITING_APPROVAL or asked is None or asked.plan != plan:
        return incident
    answered = msgspec.structs.replace(asked, decision=decision, decided_by=by, why=why)
    if decision is Decision.REJECTED:
        return reject(incident, answered, now)
    agreed = msgspec.structs.replace(incident, proposal=answered, active_since=now)  # the cure begins here
    return transition(agreed, IncidentState.PLANNED, now, f"approved by {by}: {why or 'no reason given'}")


def take_back(incident: Incident, now: datetime) -> Incident:
    """The incident whose question has expired, to be planned for anew, and asked anew where a person has to agree."""
    if incident.state is not IncidentState.AWAITING_APPROVAL:
        return incident
    return transition(incident, IncidentState.PLANNED, now, "the question has expired")


def reject_again(incident: Incident, now: datetime) -> Incident:
    """The incident at rest once more: its image failed again, and the plan is the one that a person said no to."""
    if incident.state is not IncidentState.PLANNED or incident.proposal is None:
        return incident
    return reject(incident, incident.proposal, now)
