"""Reports: what is known, read only."""

from datetime import datetime

import msgspec

from shared.application.ports import Deliveries, Incidents, Outbox, Totals
from shared.domain.incidents import Incident, IncidentState, shown
from shared.domain.policy import Policy
from shared.errors import CallerError

_USUAL_LIMIT = 100
_LARGEST_LIMIT = 1000


class NotFound(CallerError):
    """There is no such thing."""

    code = "not_found"
    hint = "GET /api/incidents lists the incidents with their ids."
    status = 404


class BadQuestion(CallerError):
    """A query parameter is not what it should be."""

    code = "bad_question"
    hint = "Correct the parameter that is named, or leave it out."


class IncidentSummary(msgspec.Struct, frozen=True):
    """One line of the list of incidents."""

    id: str
    source: str
    state: IncidentState
    reason: str | None
    rule: str | None
    failures: int
    updated_at: datetime


class DeliveryStatus(msgspec.Struct, frozen=True):
    """What became of one notice at one channel.

    Attributes:
        status: `sent`; `waiting`; `quiet` and `storm`, which are left out there or come in a summary; or the reason
            why it never will be sent.
        attempts: how often it was tried.
        trouble: what the channel said last, while it waits.
    """

    channel: str
    notice: str
    status: str
    attempts: int = 0
    trouble: str | None = None


class IncidentReport(msgspec.Struct, frozen=True):
    """An incident and what became of its notices."""

    incident: Incident
    notices: tuple[DeliveryStatus, ...]


class Health(msgspec.Struct, frozen=True):
    """The app can work; `mode` and `registries` say what the policy lets it do."""

    status: str
    mode: str
    registries: int


class Reports:
    """Answers questions about incidents and the app itself."""

    def __init__(self, *, policy: Policy, incidents: Incidents, outbox: Outbox, deliveries: Deliveries) -> None:
        self._policy = policy
        self._incidents = incidents
        self._outbox = outbox
        self._deliveries = deliveries

    async def newest(self, limit: str | None) -> list[IncidentSummary]:
        """The incidents, latest change first.

        Raises:
            BadQuestion: `limit` is no whole number from 1 to 1000.
        """
        wanted = _USUAL_LIMIT if limit is None else int(limit) if limit.isdecimal() and len(limit) < 5 else 0  # noqa: PLR2004
        if not 1 <= wanted <= _LARGEST_LIMIT:
            raise BadQuestion(f"limit: {limit!r} found, a whole number from 1 to {_LARGEST_LIMIT} expected")
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
        statuses = tuple(
            DeliveryStatus(
                channel=row.channel,
                notice=row.notice.kind,
                status=row.error or row.held or ("sent" if row.sent_at else "waiting"),
                attempts=row.attempts,
                trouble=row.trouble,
            )
            for row in rows
        )
        return IncidentReport(incident=shown(stored.value), notices=statuses)

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
