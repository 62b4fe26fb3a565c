"""The composition root: the only place that knows which adapter stands behind which port.

Tests call `assemble` with their own ports; triggers ask `production`, which reads settings and policy once a process.
"""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.adapters.clock import SystemClock
from shared.adapters.identity import AppIdentity, has_managed_identity
from shared.adapters.storage import StorageAccount
from shared.application.apply import Applier
from shared.application.curing import Curing
from shared.application.detection import Detection
from shared.application.incident_book import IncidentBook
from shared.application.intake import Intake
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
from shared.application.survey import Survey
from shared.application.verification import Verification
from shared.domain.policy import Policy
from shared.domain.policy_file import check_policy, load_policy
from shared.domain.policy_notifications import EventGridChannel
from shared.errors import PermanentError
from shared.settings import Settings, read_settings
from shared.telemetry import configure, get_logger

_log = get_logger(__name__)


class PolicyUnreadable(PermanentError):
    """The policy file is not there or can't be read."""

    code = "policy_unreadable"
    hint = "CACHEWARDEN_POLICY is a path relative to the app's folder; deploy the file with the app."


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
    channels: Mapping[str, Channel]


class Application(msgspec.Struct, frozen=True):
    """The use cases that triggers call."""

    intake: Intake
    remediation: Remediation
    notification: Notification
    reports: Reports


class Patience(msgspec.Struct, frozen=True):
    """How long one run waits for the outside, in seconds."""

    health: float = 90
    verification: float = 90


def assemble(
    policy: Policy, ports: Ports, *, pace: Pace, patience: Patience, largest_alert: int = 1024 * 1024
) -> Application:
    """The application on the given ports."""
    notification = Notification(
        policy=policy, outbox=ports.outbox, queue=ports.queue, channels=ports.channels, clock=ports.clock
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
    return Application(
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
                deliveries=ports.deliveries,
                payloads=ports.payloads,
                incidents=ports.incidents,
                logs=ports.logs,
                clock=ports.clock,
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
    )


@functools.cache
def production() -> Application:
    """The application of this process, from its settings and its policy file; an invalid one is refused every time.

    Raises:
        SettingsInvalid: settings are missing or malformed; all of them are named.
        PolicyInvalid: the policy has errors; all of them are named with their lines.
        PolicyUnreadable: the policy file is not there.
    """
    settings = read_settings(os.environ)
    configure(settings.log_level)
    policy = read_policy(Path(settings.policy))
    _log.info("app.started", mode=policy.mode, registries=len(policy.registries))
    return assemble(
        policy,
        adapters(settings, policy),
        pace=Pace(lease=settings.lease_seconds, give_up=settings.give_up_after.total_seconds()),
        patience=Patience(
            health=settings.health_patience.total_seconds(), verification=settings.verify_patience.total_seconds()
        ),
        largest_alert=settings.largest_alert,
    )


def read_policy(path: Path) -> Policy:
    """The policy in a file; what it warns of is logged.

    Raises:
        PolicyInvalid: it has errors.
        PolicyUnreadable: it is not there.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyUnreadable(f"the policy file {path} can't be read: {error}") from error
    policy = load_policy(text, path=str(path))
    for warning in check_policy(text).warnings:
        _log.warning("policy.warning", where=str(warning))
    return policy


def adapters(settings: Settings, policy: Policy) -> Ports:
    """The real outside; nothing is imported or connected before it is used."""
    from shared.adapters.arm import ArmRegistries
    from shared.adapters.logs import LogAnalytics
    from shared.adapters.queues import StorageQueue
    from shared.adapters.registry_content import AcrContent
    from shared.adapters.tables.client import Tables
    from shared.adapters.tables.deliveries import TableDeliveries
    from shared.adapters.tables.incidents import TableIncidents
    from shared.adapters.tables.leases import TableLeases
    from shared.adapters.tables.outbox import TableOutbox
    from shared.adapters.tables.payloads import TablePayloads
    from shared.adapters.vault_access import ArmVaultAccess

    managed = has_managed_identity(os.environ)
    identity: Any = AppIdentity(managed=managed, client_id=settings.client_id)
    storage_identity: Any = (
        AppIdentity(managed=managed, client_id=settings.storage_client_id) if settings.storage_client_id else identity
    )
    account = StorageAccount(settings.storage_connection, settings.storage_table_uri, settings.storage_queue_uri)
    tables = Tables(account, storage_identity)
    clock = SystemClock()
    return Ports(
        clock=clock,
        incidents=TableIncidents(tables),
        leases=TableLeases(tables, clock),
        deliveries=TableDeliveries(tables),
        payloads=TablePayloads(tables),
        outbox=TableOutbox(tables),
        queue=StorageQueue(account, storage_identity),
        logs=LogAnalytics(identity, endpoint=settings.logs_endpoint, audience=settings.logs_audience),
        registries=ArmRegistries(identity, endpoint=settings.arm_endpoint, audience=settings.arm_audience),
        content=AcrContent(identity),
        vault_access=ArmVaultAccess(identity, endpoint=settings.arm_endpoint, audience=settings.arm_audience),
        channels=_channels(policy, identity),
    )


def _channels(policy: Policy, identity: Any) -> dict[str, Channel]:
    """The channels that can be used; a kind that this version does not deliver to is said aloud."""
    from shared.adapters.event_grid import EventGridChannel as EventGridTopic

    channels: dict[str, Channel] = {}
    for name, channel in policy.notifications.channels.items():
        if isinstance(channel, EventGridChannel):
            channels[name] = EventGridTopic(identity, endpoint=channel.endpoint)
        else:
            _log.warning("channel.not_delivered", channel=name, kind=type(channel).__name__)
    return channels
