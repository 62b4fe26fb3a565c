"""Everything of the outside that the application is assembled on."""

from collections.abc import Mapping

import msgspec

from shared.application.audit_ports import AuditRows
from shared.application.channel_ports import Channel, ChannelStates
from shared.application.dead_letter_ports import EventLetters, Letters
from shared.application.delivery_ports import Deliveries, Payloads
from shared.application.doctor.ports import Queues, Surroundings
from shared.application.event_ports import DriftRecords, Lineage
from shared.application.incident_ports import Incidents
from shared.application.log_ports import Logs
from shared.application.outbox_ports import Outbox
from shared.application.ports import Clock, Leases, Queue
from shared.application.registry_ports import Registries, RegistryContent, VaultAccess
from shared.application.rotation_ports import CredentialSets, DockerHub, Rotations, Samples, Vaults
from shared.application.sessions import Sessions
from shared.application.sites_ports import Sites
from shared.application.sweep_ports import Archive, ChoreRuns


class Ports(msgspec.Struct, frozen=True):
    """Everything of the outside that the application needs."""

    clock: Clock
    incidents: Incidents
    leases: Leases
    deliveries: Deliveries
    payloads: Payloads
    outbox: Outbox
    queue: Queue
    queues: Queues
    logs: Logs
    registries: Registries
    content: RegistryContent
    vault_access: VaultAccess
    letters: Letters
    event_letters: EventLetters
    drift_records: DriftRecords
    lineage: Lineage
    audit_rows: AuditRows
    chore_runs: ChoreRuns
    archive: Archive
    rotations: Rotations
    hub: DockerHub
    vaults: Vaults
    credential_sets: CredentialSets
    samples: Samples
    sites: Sites
    surroundings: Surroundings
    channels: Mapping[str, Channel]
    channel_states: ChannelStates
    sessions: Sessions
