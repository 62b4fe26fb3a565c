"""The composition root: the only place that knows which adapter stands behind which port.

The triggers ask `production`, which reads settings and policy once a process; tests assemble their own.
"""

import functools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from shared.adapters.clock import SystemClock
from shared.adapters.identity import AppIdentity, has_managed_identity
from shared.application.assembly import Application, Patience, assemble
from shared.application.doctor.place import Place
from shared.application.outside import Ports
from shared.application.remediation import Pace
from shared.application.retention import Retention
from shared.domain.notice_links import Places
from shared.domain.policy import Policy
from shared.domain.policy_file import check_policy, load_policy
from shared.errors import PermanentError
from shared.put_off import storage_account_of, storage_identity_of
from shared.setting_reader import read_settings
from shared.settings import Settings
from shared.telemetry import configure, get_logger

type Close = Callable[[], Awaitable[None]]

_log = get_logger(__name__)


class PolicyUnreadable(PermanentError):
    """The policy file is not there or can't be read."""

    code = "policy_unreadable"
    hint = "CACHEWARDEN_POLICY is a path relative to the app's folder; deploy the file with the app."


async def production() -> Application:
    """The application of this process, from its settings and its policy file; an invalid one is refused every time.

    Raises:
        SettingsInvalid: settings are missing or malformed; all of them are named.
        PolicyInvalid: the policy has errors; all of them are named with their lines.
        PolicyUnreadable: the policy file is not there.
    """
    application, connections = _process()
    await anext(connections, None)
    return application


@functools.cache
def _process() -> tuple[Application, AsyncIterator[None]]:
    settings = read_settings(os.environ)
    configure(settings.log_level)
    policy = read_policy(Path(settings.policy))
    ports, closers = adapters(settings, policy, managed=has_managed_identity(os.environ))
    _log.info("app.started", mode=policy.mode, registries=len(policy.registries))
    application = assemble(
        policy,
        ports,
        pace=Pace(lease=settings.lease_seconds, give_up=settings.give_up_after.total_seconds()),
        patience=Patience(
            health=settings.health_patience.total_seconds(),
            verification=settings.verify_patience.total_seconds(),
            adoption=settings.adoption_patience.total_seconds(),
        ),
        largest_alert=settings.largest_alert,
        close_after=settings.close_after,
        retention=Retention(
            incidents=settings.keep_incidents,
            deliveries=settings.keep_deliveries,
            notices=settings.keep_notices,
            dead_letters=settings.keep_dead_letters,
            audit=settings.keep_audit,
            rotations=settings.keep_rotations,
            headroom=settings.keep_headroom,
        ),
        places=places_of(settings, policy),
        sign_in=settings.console_sign_in,
        place=msgspec.structs.replace(place_of(settings), inside=True),
    )
    return application, _until_the_loop_ends(closers)


def places_of(settings: Settings, policy: Policy) -> Places:
    """Where people look closer."""
    return Places(app=settings.public_address, portal=settings.portal, registries=policy.registries)


async def _until_the_loop_ends(closers: Sequence[Close]) -> AsyncIterator[None]:
    """Closes connections when asyncio ends its loop, and with it every asynchronous generator that was begun.

    It is the only hook for it: the Functions worker tells an app nothing when it stops.
    """
    try:
        while True:
            yield
    finally:
        for close in closers:
            await close()


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


def place_of(settings: Settings) -> Place:
    """Where the app is, as far as its settings say."""
    host = urlsplit(settings.storage_queue_uri or "").hostname or ""
    return Place(
        app_id=settings.app_id,
        templates=settings.template_version,
        address=settings.public_address,
        storage=host.partition(".")[0] or Place().storage,
    )


def adapters(
    settings: Settings, policy: Policy, *, managed: bool, introduced: str = "cachewarden"
) -> tuple[Ports, Sequence[Close]]:
    """The real outside, and what closes its connections; nothing is imported or connected before it is used.

    `managed` has the managed identity sign in; else it is the developer's own login. `introduced` is how requests name
    who sends them, so that a person's looks are told from the app's in Azure's logs.
    """
    from shared.adapters.arm import ArmRegistries
    from shared.adapters.channels.making import production_channels
    from shared.adapters.clients import introduction
    from shared.adapters.docker_hub import HubApi
    from shared.adapters.event_letters import BlobEventLetters
    from shared.adapters.key_vault import KeyVaults
    from shared.adapters.lineage import AcrLineage
    from shared.adapters.logs import LogAnalytics
    from shared.adapters.queues import StorageQueue
    from shared.adapters.registry_content import AcrContent
    from shared.adapters.sites import ArmSites
    from shared.adapters.surroundings import ArmSurroundings
    from shared.adapters.tables.archive import TableArchive
    from shared.adapters.tables.audit import TableAuditRows
    from shared.adapters.tables.channel_states import TableChannelStates
    from shared.adapters.tables.chores import TableChoreRuns
    from shared.adapters.tables.client import Tables
    from shared.adapters.tables.dead_letters import TableLetters
    from shared.adapters.tables.deliveries import TableDeliveries
    from shared.adapters.tables.drift import TableDriftRecords
    from shared.adapters.tables.incidents import TableIncidents
    from shared.adapters.tables.leases import TableLeases
    from shared.adapters.tables.outbox import TableOutbox
    from shared.adapters.tables.payloads import TablePayloads
    from shared.adapters.tables.rotations import TableRotations, TableSamples
    from shared.adapters.tables.sessions import TableSessions
    from shared.adapters.vault_access import ArmVaultAccess

    identity: Any = AppIdentity(managed=managed, client_id=settings.client_id)
    storage_identity = storage_identity_of(settings, managed=managed) if settings.storage_client_id else identity
    account = storage_account_of(settings)
    tables = Tables(account, storage_identity)
    queue = StorageQueue(account, storage_identity)
    event_letters = BlobEventLetters(account, settings.event_dead_letters, storage_identity)
    said = introduction(introduced)
    logs = LogAnalytics(identity, endpoint=settings.logs_endpoint, audience=settings.logs_audience, **said)
    registries = ArmRegistries(identity, endpoint=settings.arm_endpoint, audience=settings.arm_audience, **said)
    content = AcrContent(identity, **said)
    vault_access = ArmVaultAccess(identity, endpoint=settings.arm_endpoint, audience=settings.arm_audience, **said)
    hub = HubApi(api=settings.hub_endpoint, auth=settings.hub_auth_endpoint, registry=settings.hub_registry_endpoint)
    vaults = KeyVaults(identity, **said)
    sites = ArmSites(identity, endpoint=settings.arm_endpoint, audience=settings.arm_audience, **said)
    surroundings = ArmSurroundings(identity, endpoint=settings.arm_endpoint, audience=settings.arm_audience, **said)
    clock = SystemClock()
    told = production_channels(
        policy,
        identity,
        places=places_of(settings, policy),
        private=settings.private_receivers,
        clock=clock,
    )
    ports = Ports(
        clock=clock,
        incidents=TableIncidents(tables),
        leases=TableLeases(tables, clock),
        deliveries=TableDeliveries(tables),
        payloads=TablePayloads(tables),
        outbox=TableOutbox(tables),
        queue=queue,
        queues=queue,
        logs=logs,
        registries=registries,
        content=content,
        vault_access=vault_access,
        letters=TableLetters(tables),
        event_letters=event_letters,
        drift_records=TableDriftRecords(tables),
        lineage=AcrLineage(content),
        audit_rows=TableAuditRows(tables),
        chore_runs=TableChoreRuns(tables),
        archive=TableArchive(tables),
        rotations=TableRotations(tables),
        hub=hub,
        vaults=vaults,
        credential_sets=registries,
        samples=TableSamples(tables),
        sites=sites,
        surroundings=surroundings,
        channels=told.channels,
        channel_states=TableChannelStates(tables),
        sessions=TableSessions(tables),
    )
    closers = [hub.aclose, vaults.aclose, sites.aclose, surroundings.aclose, *told.closers]
    closers += [
        tables.aclose,
        queue.aclose,
        event_letters.aclose,
        logs.aclose,
        registries.aclose,
        content.aclose,
        vault_access.aclose,
    ]
    return ports, (*closers, identity.close, storage_identity.close)
