"""Reports: what is known, read only."""

from datetime import datetime
from typing import Final

import msgspec

from shared.application.incident_rotations import IncidentRotations
from shared.application.notice_reports import DeliveryStatus, delivery_status
from shared.application.ports import Deliveries, Incidents, Outbox, Totals
from shared.application.questions import NotFound, number
from shared.domain.incidents import Incident, IncidentState, shown
from shared.domain.policy import Policy
from shared.domain.rotation import Rotation

_USUAL_LIMIT: Final = 100
_LARGEST_LIMIT: Final = 1000


class IncidentSummary(msgspec.Struct, frozen=True):
    """One line of the list of incidents."""

    id: str
    source: str
    state: IncidentState
    reason: str | None
    rule: str | None
    failures: int
    updated_at: datetime


class IncidentReport(msgspec.Struct, frozen=True):
    """An incident, what became of its notices, and the rotations of the credential behind it."""

    incident: Incident
    notices: tuple[DeliveryStatus, ...]
    rotations: tuple[Rotation, ...] = ()


class Health(msgspec.Struct, frozen=True):
    """The app can work; `mode` and `registries` say what the policy lets it do."""

    status: str
    mode: str
    registries: int


class Reports:
    """Answers questions about incidents and the app itself."""

    def __init__(
        self,
        *,
        policy: Policy,
        incidents: Incidents,
        outbox: Outbox,
        deliveries: Deliveries,
        rotations: IncidentRotations,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._outbox = outbox
        self._deliveries = deliveries
        self._rotations = rotations

    async def newest(self, limit: str | None) -> list[IncidentSummary]:
        """The incidents, latest change first.

        Raises:
            BadQuestion: `limit` is no whole number from 1 to 1000.
        """
        wanted = number("limit", limit, usual=_USUAL_LIMIT, largest=_LARGEST_LIMIT)
        return [_summary(incident) async for incident in self._incidents.newest(wanted)]

    async def incident(self, key: str) -> IncidentReport:
        """One incident.

        Raises:
            NotFound: there is none of that id.
        """
        stored = await self._incidents.get(key)
        if stored is None:
            raise NotFound("there is no incident of that id")
        rows = [row async for row in self._outbox.about(f"incidents/{key}")]
        return IncidentReport(
            incident=shown(stored.value),
            notices=tuple(delivery_status(row) for row in rows),
            rotations=await self._rotations.of(stored.value),
        )

    async def deliveries(self) -> Totals:
        """What has arrived and what became of it, as far as it is kept."""
        return await self._deliveries.totals()

    async def health(self) -> Health:
        """Whether the storage answers; settings and policy were valid, or there would be nobody to ask.

        Raises:
            TemporaryError: the storage does not answer.
        """
        async for _ in self._incidents.newest(1):
            break
        return Health(status="healthy", mode=self._policy.mode, registries=len(self._policy.registries))


def _summary(incident: Incident) -> IncidentSummary:
    return IncidentSummary(
        id=incident.id,
        source=incident.source,
        state=incident.state,
        reason=incident.reason,
        rule=incident.rule,
        failures=incident.failures,
        updated_at=incident.updated_at,
    )
