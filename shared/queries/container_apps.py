"""Container Apps and jobs."""

from collections.abc import Sequence

from shared.domain.failures import PullFailure, Workload
from shared.queries.reading import diagnosed, failure, is_a_failed_pull
from shared.queries.rows import Row, names, text
from shared.queries.source import LogSource


def read_container_apps(rows: Sequence[Row]) -> list[PullFailure]:
    """The failures in rows with Apps and Jobs; the resource is the environment."""
    found: list[PullFailure] = []
    for row in rows:
        diagnosis = diagnosed(row)
        item = failure(row, diagnosis, _workloads(row)) if is_a_failed_pull(diagnosis) else None
        if item is not None:
            found.append(item)
    return found


def _workloads(row: Row) -> tuple[Workload, ...]:
    resource, containers = text(row, "Resource").lower(), names(row, "Containers")
    apps = [Workload(resource, "", "ContainerApp", name, containers) for name in names(row, "Apps")]
    jobs = [Workload(resource, "", "ContainerAppJob", name, containers) for name in names(row, "Jobs")]
    return (*apps, *jobs)


CONTAINER_APPS = LogSource(
    "container_apps", ("ContainerAppSystemLogs", "ContainerAppSystemLogs_CL"), read_container_apps
)
