"""Assembly of what works on registries' and vaults' events; `assembly` puts it into the application."""

from shared.application.credential_watch import CredentialWatch
from shared.application.cure_assembly import Cures
from shared.application.event_work import EventWork
from shared.application.outside import Ports
from shared.application.prevention import Prevention
from shared.domain.policy import Policy


def assemble_event_work(policy: Policy, ports: Ports, cures: Cures, watch: CredentialWatch) -> EventWork:
    """The work on events, on the given ports and with what the rest of the application shares."""
    return EventWork(
        policy=policy,
        deliveries=ports.deliveries,
        incidents=ports.incidents,
        book=cures.book,
        unrecorded=cures.unrecorded,
        clock=ports.clock,
        heard=watch.heard,
        drift=cures.drift,
        prevention=Prevention(
            policy=policy,
            incidents=ports.incidents,
            registries=ports.registries,
            survey=cures.survey,
            lineage=ports.lineage,
            clock=ports.clock,
        ),
    )
