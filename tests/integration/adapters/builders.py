"""Incidents, notices and actions for the tests of the adapters."""

from datetime import UTC, datetime

from shared.domain.incidents import Incident, IncidentState, incident_id
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, notice_of
from shared.domain.plans import CreateCacheRule

NGINX = CreateCacheRule("nginx-1", "docker.io/library/nginx", "docker-hub/library/nginx", "docker-hub")
ALPINE = CreateCacheRule("alpine-1", "mcr.microsoft.com/alpine", "mcr/alpine", None)
REGISTRY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso"
NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


def incident(
    source: str = "docker.io/library/nginx",
    *,
    registry: str = REGISTRY,
    state: IncidentState = IncidentState.DETECTED,
    updated_at: datetime = NOON,
) -> Incident:
    """An incident of a repository."""
    return Incident(
        id=incident_id(registry, source),
        registry_id=registry,
        source=source,
        state=state,
        opened_at=NOON,
        updated_at=updated_at,
        first_seen=NOON,
        last_seen=NOON,
        active_since=NOON,
        images=(f"{source}:1.27",),
        pull_from={f"{source}:1.27": "contoso.azurecr.io/docker-hub/library/nginx:1.27"},
    )


def notice(of: Incident) -> Notice:
    """A notice about an incident."""
    return notice_of(NoticeKind.INCIDENT_VERIFIED, of, (), NOON)
