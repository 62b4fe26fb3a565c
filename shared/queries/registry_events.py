"""ACR's repository events: pulls that the registry itself refused.

Whether a cache rule's upstream limit shows here is not known; where the description carries the text, it is diagnosed,
and else the status decides.
"""

from collections.abc import Sequence

from shared.domain.failures import Cause, Diagnosis, PullFailure, diagnose
from shared.queries.reading import failure, reference, with_image
from shared.queries.rows import Row, text
from shared.queries.source import LogSource

_BY_STATUS = {
    "401": Cause.DENIED,
    "403": Cause.DENIED,
    "404": Cause.NOT_FOUND,
    "429": Cause.REGISTRY_THROTTLED,
}


def read_registry_events(rows: Sequence[Row]) -> list[PullFailure]:
    """The failures in the rows; the resource is the registry, the image is named as it was pulled from there."""
    found = (failure(row, _diagnosis(row), ()) for row in rows)
    return [item for item in found if item is not None]


def _diagnosis(row: Row) -> Diagnosis:
    host, repository, tag = text(row, "LoginServer"), text(row, "Repository"), text(row, "Tag")
    image = reference(f"{host}/{repository}" + (f":{tag}" if tag else "")) if host and repository else None
    told = with_image(diagnose(text(row, "Text")), image)
    if told.cause is not Cause.UNKNOWN:
        return told
    status = text(row, "ResultType")
    cause = _BY_STATUS.get(status, Cause.UPSTREAM_UNAVAILABLE if status.startswith("5") else Cause.UNKNOWN)
    throttled = cause is Cause.REGISTRY_THROTTLED
    return Diagnosis(
        cause=cause,
        rate_limited=throttled,
        image=image,
        runtime="acr",
        limit=host if throttled else None,
        evidence=told.evidence,
    )


REGISTRY_EVENTS = LogSource("registry_events", ("ContainerRegistryRepositoryEvents",), read_registry_events)
