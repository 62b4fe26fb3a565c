"""Reports: what is known, read only; the JSON API and the console show the same."""

from datetime import datetime
from typing import Final

import msgspec

from shared.application.delivery_ports import Deliveries, Totals
from shared.application.incident_ports import Incidents
from shared.application.incident_rotations import IncidentRotations
from shared.application.notice_reports import DeliveryStatus, delivery_status
from shared.application.outbox_ports import Outbox
from shared.application.paging import read_position
from shared.application.questions import NotFound, number, word
from shared.domain.drift import subject_of
from shared.domain.incidents import Incident, IncidentState, shown
from shared.domain.policy import Policy
from shared.domain.rotation import Rotation

_USUAL_LIMIT: Final = 100
_LARGEST_LIMIT: Final = 1000
_LONGEST_NAME: Final = 200
_NOBODYS: Final = "0-0"
"""An id that no incident has: to look for it is the least that the storage can be asked, however many there are."""


class Question(msgspec.Struct, frozen=True):
    """Which incidents are asked for, as it stands in an address.

    Attributes:
        limit: how many, 1 to 1000; 100 when it is left out.
        state: states, separated by commas; any when it is left out.
        source: a part of the repository's name.
        before: `updated_at~id` of the last one seen: what comes after it.
    """

    limit: str | None = None
    state: str | None = None
    source: str | None = None
    before: str | None = None


class IncidentSummary(msgspec.Struct, frozen=True):
    """One line of the list of incidents."""

    id: str
    source: str
    state: IncidentState
    reason: str | None
    rule: str | None
    failures: int
    updated_at: datetime
    registry_id: str
    mode: str = ""
    preventive: bool = False


class IncidentReport(msgspec.Struct, frozen=True):
    """An incident, what became of its notices, and the rotations of the credential behind it.

    Attributes:
        answer_by: until when its question can be answered; None where nothing is asked.
    """

    incident: Incident
    notices: tuple[DeliveryStatus, ...]
    answer_by: datetime | None = None
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

    async def newest(self, question: Question) -> list[IncidentSummary]:
        """The incidents that are asked for, latest change first.

        Raises:
            BadQuestion: a part of the question has another form.
        """
        found = self._incidents.newest(
            number("limit", question.limit, usual=_USUAL_LIMIT, largest=_LARGEST_LIMIT),
            states=_states(question.state),
            naming=(question.source or "")[:_LONGEST_NAME].strip().lower(),
            before=read_position(question.before),
        )
        return [summary_of(incident) async for incident in found]

    async def incident(self, key: str) -> IncidentReport:
        """One incident.

        Raises:
            NotFound: there is none of that id.
        """
        stored = await self._incidents.get(key)
        if stored is None:
            raise NotFound("there is no incident of that id")
        incident = stored.value
        subjects = [f"incidents/{key}"]
        if incident.rule:  # people hear of a rule that somebody changed, whatever incidents rest on it
            subjects.append(subject_of(incident.registry_id, "cacheRules", incident.rule))
        rows = [row for subject in subjects async for row in self._outbox.about(subject)]
        asked = incident.proposal if incident.state is IncidentState.AWAITING_APPROVAL else None
        return IncidentReport(
            incident=shown(incident),
            notices=tuple(delivery_status(row) for row in rows),
            answer_by=asked.proposed_at + self._policy.limits.approval_expires_after if asked else None,
            rotations=await self._rotations.of(incident),
        )

    async def deliveries(self) -> Totals:
        """What has arrived and what became of it, as far as it is kept."""
        return await self._deliveries.totals()

    async def health(self) -> Health:
        """Whether the storage answers; settings and policy were valid, or there would be nobody to ask.

        Raises:
            TemporaryError: the storage does not answer.
        """
        await self._incidents.get(_NOBODYS)
        return Health(status="healthy", mode=self._policy.mode, registries=len(self._policy.registries))


def summary_of(incident: Incident) -> IncidentSummary:
    """An incident as a line of the list."""
    return IncidentSummary(
        id=incident.id,
        source=incident.source,
        state=incident.state,
        reason=incident.reason,
        rule=incident.rule,
        failures=incident.failures,
        updated_at=incident.updated_at,
        registry_id=incident.registry_id,
        mode=incident.mode,
        preventive=incident.preventive,
    )


def _states(text: str | None) -> frozenset[IncidentState]:
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    return frozenset(found for name in names if (found := word("state", name, IncidentState)) is not None)
