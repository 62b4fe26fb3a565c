"""The app's own queries as log alerts: an alert that asks something else than the app finds failures the app can't see.

The rule counts what the app would read, up to where the app orders and bounds its rows, and only what a limit refused.
The result has one row a resource, so that the alert names the resource and carries nothing that a pod chose.
"""

from shared.queries.source import LogSource

_ORDERING = "| extend Rank ="
_LIMITED = "| where Sign == 'limit'"
_REGISTRY_LIMITED = "| where ResultType == '429'"


def alert_query(source: LogSource) -> str:
    """A scheduled query rule's query: columns `_ResourceId`, by which it is split, and `Failures`, which it sums.

    Raises:
        ValueError: the source's query has no failures that could be counted.
    """
    counted, found, _ = source.query.partition(_ORDERING)
    if not found:
        raise ValueError(f"{source.name}.kql orders no rows, so there is nothing to count")
    limited = _LIMITED if "Sign" in counted else _REGISTRY_LIMITED
    return f"{counted}{limited}\n| summarize Failures = sum(Failures) by _ResourceId = Resource\n"
