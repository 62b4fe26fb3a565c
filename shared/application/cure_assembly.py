"""Assembly of what cures; `assembly` puts it into the application."""

import msgspec

from shared.application.apply import Applier
from shared.application.audit import Audit
from shared.application.curing import Curing
from shared.application.dead_letters import DeadLetters
from shared.application.drift import Drift
from shared.application.incident_book import IncidentBook
from shared.application.notification import Notification
from shared.application.operations import Operations
from shared.application.outside import Ports
from shared.application.survey import Survey
from shared.application.unrecorded import Unrecorded
from shared.domain.policy import Policy


class Cures(msgspec.Struct, frozen=True):
    """What changes incidents and registries, and what knows how both are."""

    book: IncidentBook
    survey: Survey
    unrecorded: Unrecorded
    curing: Curing
    drift: Drift


def assemble_cures(  # noqa: PLR0913 - what curing shares with the rest, each by name
    policy: Policy,
    ports: Ports,
    *,
    notification: Notification,
    dead_letters: DeadLetters,
    audit: Audit,
    health_s: float,
) -> Cures:
    """What cures, on the given ports; `health_s` is how many seconds a credential set may take to be healthy."""
    book = IncidentBook(incidents=ports.incidents, notification=notification, clock=ports.clock)
    survey = Survey(policy=policy, registries=ports.registries, content=ports.content, vault_access=ports.vault_access)
    unrecorded = Unrecorded(book=book, dead_letters=dead_letters)
    operations = Operations(registries=ports.registries, book=book, unrecorded=unrecorded, audit=audit)
    curing = Curing(
        policy=policy,
        book=book,
        survey=survey,
        operations=operations,
        applier=Applier(
            policy=policy,
            survey=survey,
            registries=ports.registries,
            vault_access=ports.vault_access,
            operations=operations,
            audit=audit,
            health_patience=health_s,
        ),
        unrecorded=unrecorded,
        drift_records=ports.drift_records,
    )
    drift = Drift(
        policy=policy,
        incidents=ports.incidents,
        book=book,
        unrecorded=unrecorded,
        survey=survey,
        records=ports.drift_records,
        notification=notification,
        clock=ports.clock,
    )
    return Cures(book, survey, unrecorded, curing, drift)
