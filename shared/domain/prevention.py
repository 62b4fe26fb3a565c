"""Prevention: an incident for what has not failed yet."""

from datetime import datetime

import msgspec

from shared.domain.images import ImageReference
from shared.domain.incidents import Incident, IncidentState, incident_id, note


def open_preventive(registry_id: str, image: ImageReference, found_in: str, now: datetime) -> Incident:
    """An incident for an image that something in the registry is made of; `found_in` names that."""
    text = f"{found_in} is made of {image}, which nothing covers yet"
    incident = Incident(
        id=incident_id(registry_id, image.source),
        registry_id=registry_id,
        source=image.source,
        state=IncidentState.DETECTED,
        opened_at=now,
        updated_at=now,
        active_since=now,
        first_seen=now,
        last_seen=now,
        images=(str(image),),
        evidence=text,
    )
    return note(msgspec.structs.replace(incident, preventive=True), now, "incident.detected", text)
