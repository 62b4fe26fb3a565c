"""Which rotations belong to an incident: those of the credential behind its upstream, while it was open or soon after.

A rotation is begun by what many incidents have in common, so it names none of them; whoever looks at one finds it by
the credential and the time.
"""

from datetime import timedelta
from typing import Final

from shared.application.rotation_ports import Rotations
from shared.domain.incidents import Incident, IncidentState
from shared.domain.policy import Policy
from shared.domain.rotation import Rotation

MOST_ROTATIONS: Final = 5
_AFTER: Final = timedelta(days=1)
"""How long after an incident's last change a rotation still counts as its consequence: credentials are looked at within
minutes, and a person may be needed."""
_ENDED: Final = frozenset({IncidentState.VERIFIED, IncidentState.CLOSED})


class IncidentRotations:
    """Finds the rotations of an incident."""

    def __init__(self, *, policy: Policy, rotations: Rotations) -> None:
        self._policy = policy
        self._rotations = rotations

    async def of(self, incident: Incident) -> tuple[Rotation, ...]:
        """The rotations with their timelines, the newest first, at most `MOST_ROTATIONS`."""
        rules = self._policy.upstreams.get(incident.source.partition("/")[0])
        name = rules.credential if rules is not None else None
        if name is None or self._policy.registry(incident.registry_id) is None:
            return ()
        found: list[Rotation] = []
        async for rotation in self._rotations.history(name):
            if rotation.settled and rotation.updated_at < incident.active_since:
                break
            if _concerns(rotation, incident):
                found.append(rotation)
            if len(found) == MOST_ROTATIONS:
                break
        return tuple(found)


def _concerns(rotation: Rotation, incident: Incident) -> bool:
    """Whether a rotation began while an incident was open, or soon enough after its last change to come from it."""
    if incident.state not in _ENDED:
        return True
    return rotation.started_at <= max(incident.updated_at, incident.last_seen) + _AFTER
