"""Log queries: one `.kql` file and one reader of its rows for every place where Azure shows a failed pull.

The queries aggregate on the server and are bounded in rows and bytes; their window is the request's timespan. The
readers are pure: rows in, `PullFailure`s out. A workspace that lacks a table has no failures of that source.
"""

from collections.abc import Mapping, Sequence

from shared.domain.failures import PullFailure
from shared.queries.app_service import APP_SERVICE
from shared.queries.container_apps import CONTAINER_APPS
from shared.queries.container_instances import CONTAINER_INSTANCES
from shared.queries.diagnostics import AZURE_DIAGNOSTICS
from shared.queries.images import CONTAINER_IMAGES, seen_images
from shared.queries.kubernetes import AKS_AUDIT, KUBE_EVENTS, KUBE_PODS, owners, with_owners
from shared.queries.machines import SYSLOG
from shared.queries.merging import merged
from shared.queries.registry_events import REGISTRY_EVENTS
from shared.queries.rows import Row
from shared.queries.source import LogSource

__all__ = [
    "AUDIT_SOURCES",
    "CONTAINER_IMAGES",
    "SOURCES",
    "LogSource",
    "Row",
    "read_failures",
    "seen_images",
    "sources",
]

SOURCES: tuple[LogSource, ...] = (
    KUBE_EVENTS,
    KUBE_PODS,
    CONTAINER_APPS,
    APP_SERVICE,
    CONTAINER_INSTANCES,
    REGISTRY_EVENTS,
    SYSLOG,
    AZURE_DIAGNOSTICS,
)
"""What is asked of every workspace."""

AUDIT_SOURCES: tuple[LogSource, ...] = (AKS_AUDIT,)
"""What is asked as well where somebody opted in: the audit log is large, and such queries take long."""


def sources(*, audit_log: bool) -> tuple[LogSource, ...]:
    """What is asked of every workspace, with the audit log where somebody opted in."""
    return (*SOURCES, *AUDIT_SOURCES) if audit_log else SOURCES


def read_failures(rows: Mapping[str, Sequence[Row]]) -> list[PullFailure]:
    """The failures in the sources' rows, by the sources' names; the same image, cause and resource once.

    Workloads of Kubernetes are the controllers that own the failing pods, as far as the inventory names them.
    """
    found = [failure for source in (*SOURCES, *AUDIT_SOURCES) for failure in source.read(rows.get(source.name, ()))]
    return with_owners(merged(found), owners(rows.get(KUBE_PODS.name, ())))
