"""Assembly of what looks after credentials; `assembly` puts it into the application."""

from datetime import timedelta

import msgspec

from shared.application.adoption import Adoption
from shared.application.audit import Audit
from shared.application.capability import CapabilityCheck
from shared.application.chores import Chore
from shared.application.credential_watch import CredentialWatch
from shared.application.custody import Custody
from shared.application.headroom import Headroom
from shared.application.notification import Notification
from shared.application.outside import Ports
from shared.application.publication import Publication
from shared.application.rotating import Rotating
from shared.application.rotation_audit import AuditedCredentialSets, AuditedHub, AuditedVaults
from shared.application.rotation_requests import RotationRequests
from shared.application.rotation_steps import Steps
from shared.domain.policy import Policy


class Credentials(msgspec.Struct, frozen=True):
    """The use cases about credentials."""

    rotating: Rotating
    requests: RotationRequests
    watch: CredentialWatch
    headroom: Headroom
    capability: CapabilityCheck

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What of them is looked after regularly; a look at the pull limit saves the watch a test of its own."""
        return self.headroom, self.watch, self.capability


def assemble_credentials(
    policy: Policy, ports: Ports, notification: Notification, *, lease_s: float, adoption_s: float
) -> Credentials:
    """The use cases about credentials on the given ports."""
    audit = Audit(rows=ports.audit_rows, clock=ports.clock)
    custody = Custody(vaults=AuditedVaults(ports.vaults, audit), hub=ports.hub)
    publication = Publication(
        policy=policy,
        custody=custody,
        registries=ports.registries,
        credential_sets=AuditedCredentialSets(ports.credential_sets, ports.registries, audit),
    )
    adoption = Adoption(
        publication=publication, registries=ports.registries, content=ports.content, incidents=ports.incidents
    )
    steps = Steps(
        hub=AuditedHub(ports.hub, audit),
        custody=custody,
        publication=publication,
        adoption=adoption,
        rotations=ports.rotations,
        clock=ports.clock,
        adoption_patience=timedelta(seconds=adoption_s),
    )
    rotating = Rotating(
        policy=policy,
        rotations=ports.rotations,
        steps=steps,
        notification=notification,
        leases=ports.leases,
        queue=ports.queue,
        clock=ports.clock,
        lease_s=lease_s,
    )
    headroom = Headroom(
        policy=policy,
        hub=ports.hub,
        custody=custody,
        rotations=ports.rotations,
        samples=ports.samples,
        notification=notification,
        clock=ports.clock,
    )
    watch = CredentialWatch(
        policy=policy,
        rotating=rotating,
        rotations=ports.rotations,
        custody=custody,
        publication=publication,
        notification=notification,
        clock=ports.clock,
    )
    requests = RotationRequests(rotating=rotating, rotations=ports.rotations, headroom=headroom)
    capability = CapabilityCheck(
        policy=policy,
        hub=ports.hub,
        custody=custody,
        rotations=ports.rotations,
        notification=notification,
        clock=ports.clock,
    )
    return Credentials(rotating, requests, watch, headroom, capability)
