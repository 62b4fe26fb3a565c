"""Assembly: the use cases on whatever ports they are given; tests and production differ in nothing else."""

from datetime import timedelta

import msgspec

from shared.application.approvals import Approvals
from shared.application.audit import Audit
from shared.application.board import Board
from shared.application.chores import Chore
from shared.application.credential_assembly import assemble_credentials
from shared.application.credential_watch import CredentialWatch
from shared.application.cure_assembly import assemble_cures
from shared.application.dead_letters import DeadLetters
from shared.application.detection import Detection
from shared.application.doctor.place import Place
from shared.application.doctor.rounds import Rounds
from shared.application.event_assembly import assemble_event_work
from shared.application.event_intake import EventIntake
from shared.application.forecast import Forecast
from shared.application.headroom import ANONYMOUS
from shared.application.incident_rotations import IncidentRotations
from shared.application.intake import Intake
from shared.application.lost_events import LostEvents
from shared.application.mirrors import MirrorReports
from shared.application.notice_assembly import assemble_notices
from shared.application.notice_reports import NoticeReports
from shared.application.notification import Notification
from shared.application.outside import Ports
from shared.application.ports import Clock
from shared.application.readings import Readings
from shared.application.recalls import Recalls
from shared.application.remediation import Pace, Remediation
from shared.application.reports import Reports
from shared.application.retention import Pruning, Retention
from shared.application.rotating import Rotating
from shared.application.rotation_requests import RotationRequests
from shared.application.sessions import ConsoleSessions, SignIn
from shared.application.site_images import SiteImages
from shared.application.sweep import Sweep
from shared.application.verification import Verification
from shared.application.watch import FinishedIncidents, LostCures, StuckIncidents, UnannouncedFailures
from shared.domain.notice_links import Places
from shared.domain.policy import Policy
from shared.telemetry.metrics import declare


class Application(msgspec.Struct, frozen=True):
    """The use cases that triggers call."""

    intake: Intake
    remediation: Remediation
    notification: Notification
    reports: Reports
    notice_reports: NoticeReports
    approvals: Approvals
    forecast: Forecast
    mirrors: MirrorReports
    events: EventIntake
    dead_letters: DeadLetters
    audit: Audit
    doctor: Rounds
    sweep: Sweep
    rotating: Rotating
    rotation_requests: RotationRequests
    credential_watch: CredentialWatch
    board: Board
    sessions: ConsoleSessions
    places: Places
    sign_in: SignIn
    clock: Clock
    chores: tuple[Chore, ...] = ()


class Patience(msgspec.Struct, frozen=True):
    """How long one run waits for the outside, in seconds."""

    health: float = 90
    verification: float = 90
    adoption: float = 3600


def assemble(  # noqa: PLR0913 - what differs between deployments, each by name
    policy: Policy,
    ports: Ports,
    *,
    pace: Pace,
    patience: Patience,
    largest_alert: int = 1024 * 1024,
    close_after: timedelta = timedelta(days=7),
    retention: Retention = Retention(),  # noqa: B008 - frozen
    places: Places = Places(),  # noqa: B008 - frozen
    sign_in: SignIn = SignIn.KEY,
    place: Place = Place(),  # noqa: B008 - frozen
) -> Application:
    """The application on the given ports."""
    notices = assemble_notices(policy, ports, lease_s=pace.lease)
    notification = notices.notification
    audit = Audit(rows=ports.audit_rows, clock=ports.clock)
    dead_letters = DeadLetters(
        letters=ports.letters,
        deliveries=ports.deliveries,
        notification=notification,
        queue=ports.queue,
        leases=ports.leases,
        audit=audit,
        clock=ports.clock,
    )
    cures = assemble_cures(
        policy, ports, notification=notification, dead_letters=dead_letters, audit=audit, health_s=patience.health
    )
    credentials = assemble_credentials(policy, ports, notification, lease_s=pace.lease, adoption_s=patience.adoption)
    recalls = Recalls(leases=ports.leases, queue=ports.queue)
    detection = Detection(
        policy=policy,
        site_images=SiteImages(policy=policy, sites=ports.sites),
        deliveries=ports.deliveries,
        payloads=ports.payloads,
        incidents=ports.incidents,
        readings=Readings(logs=ports.logs, clock=ports.clock, audit_log=policy.sources.audit_log),
        clock=ports.clock,
        suspect=credentials.rotating.suspect,
    )
    events = EventIntake(
        policy=policy, deliveries=ports.deliveries, dead_letters=dead_letters, queue=ports.queue, clock=ports.clock
    )
    chores: tuple[Chore, ...] = (
        UnannouncedFailures(detection=detection, recalls=recalls),
        LostEvents(letters=ports.event_letters, intake=events, dead_letters=dead_letters, clock=ports.clock),
        StuckIncidents(
            policy=policy,
            incidents=ports.incidents,
            book=cures.book,
            unrecorded=cures.unrecorded,
            recalls=recalls,
            clock=ports.clock,
        ),
        LostCures(policy=policy, drift=cures.drift, recalls=recalls),
        FinishedIncidents(
            policy=policy,
            incidents=ports.incidents,
            book=cures.book,
            unrecorded=cures.unrecorded,
            clock=ports.clock,
            quiet_for=close_after,
        ),
        Pruning(archive=ports.archive, retention=retention, clock=ports.clock),
        *credentials.chores,
        *notices.chores,
    )
    declare(credential=(ANONYMOUS, *policy.credentials), chore=(chore.name for chore in chores))
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
            detection=detection,
            deliveries=ports.deliveries,
            events=events,
            event_work=assemble_event_work(policy, ports, cures, credentials.watch),
            curing=cures.curing,
            verification=Verification(content=ports.content, clock=ports.clock, patience=patience.verification),
            book=cures.book,
            unrecorded=cures.unrecorded,
            registries=ports.registries,
            leases=ports.leases,
            queue=ports.queue,
            recalls=recalls,
            clock=ports.clock,
            pace=pace,
        ),
        notification=notification,
        reports=Reports(
            policy=policy,
            incidents=ports.incidents,
            outbox=ports.outbox,
            deliveries=ports.deliveries,
            rotations=IncidentRotations(policy=policy, rotations=ports.rotations),
        ),
        notice_reports=notices.reports,
        approvals=Approvals(
            book=cures.book,
            incidents=ports.incidents,
            audit=audit,
            queue=ports.queue,
            clock=ports.clock,
            lifetime=policy.limits.approval_expires_after,
        ),
        forecast=Forecast(policy=policy, survey=cures.survey),
        mirrors=MirrorReports(policy=policy, survey=cures.survey, incidents=ports.incidents),
        events=events,
        dead_letters=dead_letters,
        audit=audit,
        doctor=doctor(policy, ports, place),
        sweep=Sweep(chores=chores, runs=ports.chore_runs, leases=ports.leases, clock=ports.clock),
        board=Board(
            policy=policy,
            incidents=ports.incidents,
            letters=dead_letters,
            notices=notices.reports,
            rotations=ports.rotations,
            headroom=credentials.headroom,
            chores=chores,
            runs=ports.chore_runs,
            clock=ports.clock,
        ),
        sessions=ConsoleSessions(sessions=ports.sessions, clock=ports.clock),
        places=places,
        sign_in=sign_in,
        clock=ports.clock,
        chores=chores,
    )


def doctor(policy: Policy, ports: Ports, place: Place) -> Rounds:
    """The doctor alone, for whoever asks about an app without running it."""
    return Rounds(
        policy=policy,
        place=place,
        incidents=ports.incidents,
        queues=ports.queues,
        registries=ports.registries,
        content=ports.content,
        vault_access=ports.vault_access,
        vaults=ports.vaults,
        hub=ports.hub,
        rotations=ports.rotations,
        samples=ports.samples,
        logs=ports.logs,
        surroundings=ports.surroundings,
        clock=ports.clock,
    )
