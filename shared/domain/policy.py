"""The policy: what the operator allows, as values.

Everything that Cachewarden may do is bounded here and nowhere else: an event, an alert or a log line can pick among
what the policy allows and never add to it. `policy_file` reads it and finds every problem; the JSON Schema for editors
is generated from these types, so each field says what it is for.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.domain.cache_rules import MOST_RULES
from shared.domain.patterns import matches_any
from shared.domain.policy_credentials import Credential
from shared.domain.policy_fields import (
    Duration,
    Host,
    Name,
    Pattern,
    RegistryId,
    ResourcePrefix,
    Section,
    TargetPrefix,
    WorkspaceId,
)
from shared.domain.policy_notifications import Channel, EventGridChannel, Notifications


class Mode(StrEnum):
    """How far Cachewarden goes by itself, the most careful first."""

    OBSERVE = "observe"
    APPROVE = "approve"
    ENFORCE = "enforce"

    @property
    def freedom(self) -> int:
        """0 for the most careful mode, more for each that does more."""
        return list(Mode).index(self)


class Granularity(StrEnum):
    """How much one cache rule covers, the narrowest first."""

    REPOSITORY = "repository"
    NAMESPACE = "namespace"
    REGISTRY = "registry"


class RegistryPolicy(Section, frozen=True):
    """A registry that may get cache rules."""

    id: Annotated[RegistryId, Meta(description="The registry's ARM id.")]
    serves: Annotated[
        tuple[ResourcePrefix, ...],
        Meta(
            description="ARM ids of the clusters and apps that pull from this registry, or their first segments. "
            "Left out: everything."
        ),
    ] = ()
    mode: Annotated[Mode | None, Meta(description="Overrides the policy's mode for this registry.")] = None

    @property
    def name(self) -> str:
        """The registry's name, the last segment of its id."""
        return self.id.rstrip("/").rpartition("/")[2]

    def is_serving(self, resource_id: str) -> bool:
        """Whether a resource's images should come from this registry; whole segments count, letter case does not."""
        if not self.serves:
            return True
        return any(f"{resource_id}/".lower().startswith(f"{prefix.rstrip('/')}/".lower()) for prefix in self.serves)


class Sources(Section, frozen=True):
    """Where Cachewarden may look for failures."""

    workspaces: Annotated[
        tuple[WorkspaceId, ...],
        Meta(description="Log Analytics workspaces that may be asked. Left out: only what an alert itself carries."),
    ] = ()
    audit_log: Annotated[
        bool,
        Meta(
            description="Whether AKS's audit log (AKSAudit) is searched as well, for clusters without Container "
            "insights. The table is large and such queries are slow."
        ),
    ] = False


class UpstreamPolicy(Section, frozen=True):
    """What may be cached from one upstream registry, and where."""

    target: Annotated[
        TargetPrefix,
        Meta(description="The repository prefix in the registry below which this upstream is cached; its own alone."),
    ]
    granularity: Annotated[
        Granularity,
        Meta(
            description="What one rule covers: a repository, a namespace, or the whole upstream. A wider rule also "
            "serves repositories that `allow` leaves out and `deny` names."
        ),
    ] = Granularity.REPOSITORY
    allow: Annotated[
        tuple[Pattern, ...],
        Meta(
            description="Repositories that rules may be made for: * inside one path segment, ** across. Left out: none."
        ),
    ] = ()
    deny: Annotated[tuple[Pattern, ...], Meta(description="Repositories that no rule is made for; beats `allow`.")] = ()
    credential: Annotated[
        str | None,
        Meta(description="The credential, one of `credentials`, that the registry logs in to the upstream with."),
    ] = None
    mode: Annotated[Mode | None, Meta(description="Overrides the policy's mode for this upstream.")] = None


class Limits(Section, frozen=True):
    """Bounds on what is created."""

    rules_per_registry: Annotated[
        int, Meta(ge=1, le=MOST_RULES, description="Cache rules in a registry, other people's included.")
    ] = MOST_RULES
    widen_when_full: Annotated[
        bool, Meta(description="Whether wider rules may be made when narrow ones no longer fit the limit.")
    ] = False
    approval_expires_after: Annotated[
        Duration, Meta(description="Mode approve: how long a person has to agree to a plan.")
    ] = timedelta(days=3)


class Policy(Section, frozen=True):
    """What Cachewarden may do, and what it must tell whom."""

    version: Annotated[
        int,
        Meta(ge=1, le=1, description="The version of this format.", extra={"expected": "1, the only version there is"}),
    ]
    registries: Annotated[
        tuple[RegistryPolicy, ...], Meta(min_length=1, description="The registries that may get rules.")
    ]
    upstreams: Annotated[dict[Host, UpstreamPolicy], Meta(min_length=1, description="Upstream registries by host.")]
    mode: Annotated[
        Mode,
        Meta(description="observe: plan and tell. approve: a person agrees first. enforce: do it."),
    ] = Mode.OBSERVE
    sources: Annotated[Sources, Meta(description="Where failures may be looked for.")] = Sources()
    credentials: Annotated[dict[Name, Credential], Meta(description="Credentials by name.")] = msgspec.field(
        default_factory=dict
    )
    limits: Annotated[Limits, Meta(description="Bounds on what is created.")] = Limits()
    notifications: Annotated[Notifications, Meta(description="Who is told what.")] = Notifications()

    def registries_for(self, resource_id: str) -> Sequence[RegistryPolicy]:
        """The registries that serve a resource, in the order of the file; none when the policy names none for it."""
        return [registry for registry in self.registries if registry.is_serving(resource_id)]

    def registry(self, id_or_name: str) -> RegistryPolicy | None:
        """A registry by its ARM id or its name, without regard to case."""
        wanted = id_or_name.lower().rstrip("/")
        return next((r for r in self.registries if wanted in {r.id.lower().rstrip("/"), r.name.lower()}), None)

    def allows(self, upstream: str, repository: str) -> bool:
        """Whether rules may be made for a repository (`library/nginx`) of an upstream (`docker.io`)."""
        rules = self.upstreams.get(upstream)
        return rules is not None and matches_any(rules.allow, repository) and not matches_any(rules.deny, repository)

    def credential_of(self, upstream: str) -> Credential | None:
        """The credential for an upstream, None when it has none."""
        rules = self.upstreams.get(upstream)
        return self.credentials.get(rules.credential) if rules is not None and rules.credential else None

    def mode_for(self, registry: RegistryPolicy, upstream: str | None = None) -> Mode:
        """The mode that holds; of two overrides the more careful one."""
        rules = self.upstreams.get(upstream) if upstream else None
        overrides = [mode for mode in (registry.mode, rules and rules.mode) if mode]
        return min(overrides, key=lambda mode: mode.freedom, default=self.mode)

    def vault_of(self, channel: Channel) -> str | None:
        """The address of the vault that holds a channel's secrets: its own, or else the one of the credentials."""
        if isinstance(channel, EventGridChannel):
            return None
        vaults = {credential.vault.rstrip("/") for credential in self.credentials.values()}
        return channel.vault or (vaults.pop() if len(vaults) == 1 else None)
