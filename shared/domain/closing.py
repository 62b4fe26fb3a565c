"""Closing: an incident about which nothing was heard for long is history."""

from datetime import datetime, timedelta

from shared.domain.counting import counted
from shared.domain.incidents import Incident, IncidentState, transition

_SETTLED = frozenset({IncidentState.VERIFIED, IncidentState.BLOCKED, IncidentState.FAILED})


def is_over(incident: Incident, now: datetime, quiet_for: timedelta) -> bool:
    """Whether it is settled, and has neither changed nor seen a failure for so long."""
    return incident.state in _SETTLED and now - max(incident.updated_at, incident.last_seen) >= quiet_for


def close(incident: Incident, now: datetime, quiet_for: timedelta) -> Incident:
    """The incident closed, if it is over; any other stays as it is. The next failure opens it again."""
    if not is_over(incident, now, quiet_for):
        return incident
    return transition(incident, IncidentState.CLOSED, now, f"no pull has failed for {counted(quiet_for.days, 'day')}")
