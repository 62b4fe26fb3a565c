"""Machines whose syslog is collected."""

from collections.abc import Sequence

from shared.domain.failures import PullFailure, Workload
from shared.queries.reading import diagnosed, failure, is_a_failed_pull
from shared.queries.rows import Row, names, text
from shared.queries.source import LogSource


def read_syslog(rows: Sequence[Row]) -> list[PullFailure]:
    """The failures in rows with Computers."""
    found: list[PullFailure] = []
    for row in rows:
        diagnosis = diagnosed(row)
        resource = text(row, "Resource").lower()
        machines = tuple(Workload(resource, "", "Machine", name) for name in names(row, "Computers"))
        item = failure(row, diagnosis, machines) if is_a_failed_pull(diagnosis) else None
        if item is not None:
            found.append(item)
    return found


SYSLOG = LogSource("syslog", ("Syslog",), read_syslog)
