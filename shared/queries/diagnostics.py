"""The shared table of old diagnostic settings."""

from collections.abc import Sequence

from shared.domain.failures import PullFailure
from shared.queries.reading import diagnosed, failure, is_a_failed_pull
from shared.queries.rows import Row
from shared.queries.source import LogSource


def read_diagnostics(rows: Sequence[Row]) -> list[PullFailure]:
    """The failures in the rows; who wanted the image is not in this table in any form that can be relied on."""
    found: list[PullFailure] = []
    for row in rows:
        diagnosis = diagnosed(row)
        item = failure(row, diagnosis, ()) if is_a_failed_pull(diagnosis) else None
        if item is not None:
            found.append(item)
    return found


AZURE_DIAGNOSTICS = LogSource("azure_diagnostics", ("AzureDiagnostics",), read_diagnostics)
