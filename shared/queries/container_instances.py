"""Container Instances."""

from collections.abc import Sequence

from shared.domain.failures import PullFailure, Workload
from shared.queries.reading import diagnosed, failure, is_a_failed_pull
from shared.queries.rows import Row, names, text
from shared.queries.source import LogSource


def read_container_instances(rows: Sequence[Row]) -> list[PullFailure]:
    """The failures in rows with Groups; the image is the column's where the text names none."""
    found: list[PullFailure] = []
    for row in rows:
        diagnosis = diagnosed(row)
        resource, containers = text(row, "Resource").lower(), names(row, "Containers")
        groups = tuple(Workload(resource, "", "ContainerGroup", name, containers) for name in names(row, "Groups"))
        item = failure(row, diagnosis, groups) if is_a_failed_pull(diagnosis) else None
        if item is not None:
            found.append(item)
    return found


CONTAINER_INSTANCES = LogSource(
    "container_instances",
    ("ContainerInstanceLog", "ContainerInstanceLog_CL", "ContainerEvent_CL"),
    read_container_instances,
)
