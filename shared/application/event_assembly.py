"""Assembly of what works on registries' and vaults' events; `assembly` puts it into the application."""

from shared.application.credential_watch import CredentialWatch
from shared.application.drift import Drift
from shared.application.event_work import EventWork
from shared.application.incident_book import IncidentBook
from shared.application.notification import Notification
from shared.application.outside import Ports
from shared.application.prevention import Prevention
from shared.application.survey import Survey
from shared.application.unrecorded import Unrecorded
from shared.domain.policy import Policy


def assemble_event_work(  # noqa: PLR0913, PLR0917 - what event work is made of
    policy: Policy,
    ports: Ports,
    book: IncidentBook,
    unrecorded: Unrecorded,
    survey: Survey,
    notification: Notification,
    watch: CredentialWatch,
) -> EventWork:
    """The work on events, on the given ports and with what the rest of the application shares."""
    return EventWork(
        policy=policy,
        deliveries=ports.deliveries,
        incidents=ports.incidents,
        book=book,
        unrecorded=unrecorded,
        clock=ports.clock,
        heard=watch.heard,
        drift=Drift(
            policy=policy,
            incidents=ports.incidents,
            book=book,
            unrecorded=unrecorded,
            survey=survey,
            records=ports.drift_records,
            notification=notification,
            clock=ports.clock,
        ),
        prevention=Prevention(
            policy=policy,
            incidents=ports.incidents,
            registries=ports.registries,
            survey=survey,
            lineage=ports.lineage,
            clock=ports.clock,
        ),
    )
