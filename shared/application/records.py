"""Changing records under their ETags, incidents first: read, edit, replace, and again when somebody was faster."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from shared.application.incident_ports import Incidents
from shared.application.ports import Changed
from shared.domain.failures import PullFailure
from shared.domain.gathering import observe, open_incident
from shared.domain.images import ImageReference
from shared.domain.incidents import Incident, incident_id, traced_to
from shared.telemetry.instruments import TRANSITIONS
from shared.telemetry.metrics import count
from shared.telemetry.tracing import traceparent

_MOST_TRIES: Final = 10


async def until_unchanged[T](what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """What the first attempt answers that nobody else came before.

    Args:
        what: the record, for the error.
        attempt: reads the record, edits it and writes it under its ETag; it may run several times.

    Raises:
        Changed: others kept changing it, ten times in a row.
    """
    for _ in range(_MOST_TRIES):
        try:
            return await attempt()
        except Changed:
            continue
    raise Changed(f"{what} is changed by others all the time")


async def _nothing(_: Incident) -> None:
    """What happens before a write when nobody asked for anything."""


async def change(
    incidents: Incidents,
    key: str,
    edit: Callable[[Incident], Incident],
    *,
    before_write: Callable[[Incident], Awaitable[None]] = _nothing,
) -> Incident:
    """The incident after `edit`, which is pure: it may run several times.

    What `before_write` does must bear repetition: it runs for each try, and stands when the write then fails.

    Raises:
        Changed: others kept changing it, ten times in a row.
        KeyError: there is no such incident.
    """

    async def attempt() -> Incident:
        stored = await incidents.get(key)
        if stored is None:
            raise KeyError(key)
        edited = edit(stored.value)
        if edited == stored.value:
            return edited
        await before_write(edited)
        return (await incidents.replace(stored, edited)).value

    return await until_unchanged(f"the incident {key}", attempt)


async def store_new(incidents: Incidents, incident: Incident) -> Incident:
    """Store a new incident with the trace that led to it; raises `Changed` when there is one."""
    stored = await incidents.insert(traced_to(incident, traceparent()))
    count(TRANSITIONS, **{"from": "new", "to": incident.state, "cause": cause_of(incident)})
    return stored.value


def cause_of(incident: Incident) -> str:
    """Why there is an incident, as a metric's label."""
    return "prevention" if incident.preventive else "failure"


async def record(
    incidents: Incidents, registry_id: str, image: ImageReference, failure: PullFailure, now: datetime
) -> Incident:
    """The incident that a failure belongs to, opened or added to."""
    key, trace = incident_id(registry_id, image.source), traceparent()
    if await incidents.get(key) is None:
        try:
            return await store_new(incidents, open_incident(registry_id, image, failure, now))
        except Changed:
            pass
    return await change(incidents, key, lambda incident: traced_to(observe(incident, image, failure, now), trace))
