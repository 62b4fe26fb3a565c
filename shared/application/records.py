"""Changing an incident under its ETag: read, edit, replace, and again when somebody was faster."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from shared.application.ports import Changed, Incidents
from shared.domain.failures import PullFailure
from shared.domain.gathering import observe, open_incident
from shared.domain.images import ImageReference
from shared.domain.incidents import Incident, incident_id

_MOST_TRIES = 10


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
    for _ in range(_MOST_TRIES):
        stored = await incidents.get(key)
        if stored is None:
            raise KeyError(key)
        edited = edit(stored.value)
        if edited == stored.value:
            return edited
        await before_write(edited)
        try:
            return (await incidents.replace(stored, edited)).value
        except Changed:
            continue
    raise Changed(f"the incident {key} is changed by others all the time")


async def record(
    incidents: Incidents, registry_id: str, image: ImageReference, failure: PullFailure, now: datetime
) -> Incident:
    """The incident that a failure belongs to, opened or added to."""
    key = incident_id(registry_id, image.source)
    if await incidents.get(key) is None:
        try:
            return (await incidents.insert(open_incident(registry_id, image, failure, now))).value
        except Changed:
            pass
    return await change(incidents, key, lambda incident: observe(incident, image, failure, now))
