"""Assembly: the use cases on whatever ports they are given; tests and production differ in nothing else."""

from collections.abc import Mapping

import msgspec

from shared.application.apply import Applier
from shared.application.approvals import Approvals
from shared.application.channel_ports import ChannelStates
from shared.application.chores import Chore
from shared.application.credential_assembly import assemble_credentials
from shared.application.credential_watch import CredentialWatch
from shared.application.curing import Curing
from shared.application.detection import Detection
from shared.application.forecast import Forecast
from shared.application.incident_book import IncidentBook
from shared.application.intake import Intake
from shared.application.notice_chores import DailyDigest, Escalation, LateSummaries
from shared.application.notification import Notification
from shared.application.ports import (
    Channel,
    Clock,
    Deliveries,
    Incidents,
    Leases,
    Logs,
    Outbox,
    Payloads,
    Queue,
    Registries,
    RegistryContent,
    VaultAccess,
)
from shared.application.remediation import Pace, Remediation
from shared.application.reports import Reports
from shared.application.rotating import Rotating
from shared.application.rotation_ports import CredentialSets, DockerHub, Rotations, Samples, Vaults
from shared.application.rotation_requests import RotationRequests
from shared.application.site_images import SiteImages
from shared.application.sites_ports import Sites
from shared.application.survey import Survey
from shared.application.verification import Verification
from shared.domain.policy import Policy


class Ports(msgspec.Struct, frozen=True):
    """Everything of the outside that the application needs."""

    clock: Clock
    incidents: Incidents
    leases: Leases
    deliveries: Deliveries
    payloads: Payloads
    outbox: Outbox
    queue: Queue
    logs: Logs
    registries: Registries
    content: RegistryContent
    vault_access: VaultAccess
    rotations: Rotations
    hub: DockerHub
    vaults: Vaults
    credential_sets: CredentialSets
    samples: Samples
    sites: Sites
    channels: Mapping[str, Channel]
    channel_states: ChannelStates


class Application(msgspec.Struct, frozen=True):
    """The use cases that triggers call."""

    intake: Intake
    remediation: Remediation
    notification: Notification
    reports: Reports
    approvals: Approvals
    forecast: Forecast
    rotating: Rotating
    rotation_requests: RotationRequests
    credential_watch: CredentialWatch
    chores: tuple[Chore, ...] = ()


class Patience(msgspec.Struct, frozen=True):
    """How long one run waits for the outside, in seconds."""

    health: float = 90
    verification: float = 90
    adoption: float = 3600


def assemble(
    policy: Policy, ports: Ports, *, pace: Pace, patience: Patience, largest_alert: int = 1024 * 1024
) -> Application:
    """The application on the given ports."""
    notification = Notification(
        policy=policy,
        outbox=ports.outbox,
        queue=ports.queue,
        channels=ports.channels,
        leases=ports.leases,
        states=ports.channel_states,
        clock=ports.clock,
        lease_s=pace.lease,
    )
    book = IncidentBook(incidents=ports.incidents, notification=notification, clock=ports.clock)
    survey = Survey(policy=policy, registries=ports.registries, content=ports.content, vault_access=ports.vault_access)
    applier = Applier(
        policy=policy,
        survey=survey,
        registries=ports.registries,
        vault_access=ports.vault_access,
        health_patience=patience.health,
    )
    credentials = assemble_credentials(policy, ports, notification, lease_s=pace.lease, adoption_s=patience.adoption)
    return Application(
        rotating=credentials.rotating,
        rotation_requests=credentials.requests,
        credential_watch=credentials.watch,
        intake=Intake(
            deliveries=ports.deliveries,
            payloads=ports.payloads,
            queue=ports.queue,
            clock=ports.clock,
            largest_alert=largest_alert,
        ),
        remediation=Remediation(
            policy=policy,
            detection=Detection(
                policy=policy,
                site_images=SiteImages(policy=policy, sites=ports.sites),
                deliveries=ports.deliveries,
                payloads=ports.payloads,
                incidents=ports.incidents,
                logs=ports.logs,
                clock=ports.clock,
                suspect=credentials.rotating.suspect,
            ),
            curing=Curing(policy=policy, book=book, survey=survey, applier=applier),
            verification=Verification(content=ports.content, clock=ports.clock, patience=patience.verification),
            book=book,
            registries=ports.registries,
            leases=ports.leases,
            queue=ports.queue,
            clock=ports.clock,
            pace=pace,
        ),
        notification=notification,
        reports=Reports(policy=policy, incidents=ports.incidents, outbox=ports.outbox),
        approvals=Approvals(
            book=book,
            incidents=ports.incidents,
            queue=ports.queue,
            clock=ports.clock,
            lifetime=policy.limits.approval_expires_after,
        ),
        forecast=Forecast(policy=policy, survey=survey),
        chores=(*credentials.chores, *_notice_chores(policy, ports, notification)),
    )


def _notice_chores(policy: Policy, ports: Ports, notification: Notification) -> tuple[Chore, ...]:
    return (
        Escalation(policy=policy, incidents=ports.incidents, notification=notification, clock=ports.clock),
        DailyDigest(
            policy=policy,
            incidents=ports.incidents,
            notification=notification,
            states=ports.channel_states,
            clock=ports.clock,
        ),
        LateSummaries(policy=policy, notification=notification),
    )
