"""A link to the log lines behind an incident, opened in the portal as a query that people can change.

The portal takes the query compressed within the address (seen in the addresses that its own "Copy link" makes; it is
not documented). The query is our own text: what a stranger wrote enters it as a literal or not at all, and which
resource it is asked of is checked against the policy by the caller.
"""

import base64
import gzip
import re
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

import msgspec

from shared.domain.images import ImageReference
from shared.domain.kql_literals import kql_quote

LONGEST_LINK: Final = 1900
"""Characters: Teams and Slack take 3,000, and some mail programs cut at 2,048."""

_EARLIER: Final = timedelta(hours=6)
_LATER: Final = timedelta(hours=1)
_LONGEST_NAME: Final = 255
_RESOURCE: Final = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourcegroups/[\w().-]{1,90}/providers/(?P<type>microsoft\.[a-z]+/[a-z]+)/[\w.-]{1,90}",
    re.IGNORECASE | re.ASCII,
)


class _Place(msgspec.Struct, frozen=True):
    """The table in which a kind of resource tells of failed pulls, and the columns that people want to see.

    Attributes:
        said: where the message stands.
    """

    table: str
    said: str
    columns: tuple[str, ...]
    condition: str = ""


_PLACES: Final = {
    "microsoft.containerservice/managedclusters": _Place(
        "KubeEvents", "Message", ("Namespace", "Name", "Reason", "Count"), "ObjectKind =~ 'Pod'"
    ),
    "microsoft.kubernetes/connectedclusters": _Place(
        "KubeEvents", "Message", ("Namespace", "Name", "Reason", "Count"), "ObjectKind =~ 'Pod'"
    ),
    "microsoft.web/sites": _Place("AppServicePlatformLogs", "Message", ("Level", "OperationName")),
    "microsoft.containerregistry/registries": _Place(
        "ContainerRegistryRepositoryEvents", "Repository", ("OperationName", "ResultType", "ResultDescription")
    ),
}


def has_logs(resource_id: str) -> bool:
    """Whether an id has exactly the form of a resource whose log lines can be looked up."""
    found = _RESOURCE.fullmatch(resource_id)
    return found is not None and found["type"].lower() in _PLACES


def log_query(resource_id: str, image: ImageReference, at: datetime) -> str:
    """KQL for the lines about a repository around a time.

    Raises:
        KeyError: the resource has no logs of which we know, see `has_logs`.
    """
    found = _RESOURCE.fullmatch(resource_id)
    place = _PLACES[found["type"].lower() if found else ""]
    name = image.repository.removeprefix("library/")[:_LONGEST_NAME]
    lines = [
        place.table,
        f"| where TimeGenerated between (datetime({_moment(at - _EARLIER)}) .. datetime({_moment(at + _LATER)}))",
        *([f"| where {place.condition}"] if place.condition else []),
        f"| where {place.said} contains {kql_quote(name)}",
        f"| project TimeGenerated, {', '.join((*place.columns, place.said))}",
        "| sort by TimeGenerated desc",
        "| take 500",
    ]
    return "\n".join(lines)


def log_link(portal: str, resource_id: str, image: ImageReference, at: datetime) -> str | None:
    """The portal's address for that query; None where there are no logs, or the address would be too long."""
    if not has_logs(resource_id):
        return None
    packed = base64.b64encode(gzip.compress(log_query(resource_id, image, at).encode(), mtime=0)).decode()
    link = (
        f"{portal}/#@/blade/Microsoft_OperationsManagementSuite_Workspace/Logs.ReactView/resourceId/"
        f"{quote(resource_id, safe='')}/source/LogsBlade.AnalyticsShareLinkToQuery/q/{quote(packed, safe='')}"
    )
    return link if len(link) <= LONGEST_LINK else None


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
