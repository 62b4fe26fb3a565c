"""How failures gather on an incident: one repository may fail under many references, for many workloads, many times.

What strangers can make many of is bounded. References beyond the bound are still named, and what people are told holds
for all of them: a rule serves a repository, whatever the tag.
"""

from datetime import datetime

import msgspec

from shared.domain.failures import PullFailure
from shared.domain.images import ImageReference
from shared.domain.incidents import (
    ACTIVE,
    MOST_IMAGES,
    MOST_OTHERS,
    MOST_WORKLOADS,
    Incident,
    IncidentState,
    incident_id,
    note,
    transition,
)


def open_incident(registry_id: str, image: ImageReference, failure: PullFailure, now: datetime) -> Incident:
    """A new incident for the first failure of a repository; `image` is the one that the failure names."""
    incident = Incident(
        id=incident_id(registry_id, image.source),
        registry_id=registry_id,
        source=image.source,
        state=IncidentState.DETECTED,
        opened_at=now,
        updated_at=now,
        active_since=now,
        first_seen=failure.first_seen,
        last_seen=failure.last_seen,
        evidence=failure.diagnosis.evidence,
    )
    return note(
        _merged(incident, image, failure),
        now,
        "incident.detected",
        f"{image} failed to pull: {failure.diagnosis.cause}",
    )


def observe(incident: Incident, image: ImageReference, failure: PullFailure, now: datetime) -> Incident:
    """The incident with one more failure on it.

    What is settled opens again when there is something new to do: a reference without proof, or a repository that was
    blocked or failed before. More failures of a reference that is proven are evidence, not work: the workload still
    pulls from the upstream, and people have been told the reference to use. Of references beyond the bound the first is
    something new: from then on people are told of the repository, which holds for all that follow. What was closed is
    opened by any failure, and proven anew.
    """
    merged = _merged(incident, image, failure)
    first_beyond = bool(merged.others) and not incident.others
    is_closed = merged.state is IncidentState.CLOSED
    settled_again = merged.state is IncidentState.VERIFIED and not merged.unsettled and not first_beyond
    planned_without_it = merged.is_only_observed and (merged.images != incident.images or first_beyond)
    if (
        (merged.state in ACTIVE and not planned_without_it)
        or merged.state is IncidentState.AWAITING_APPROVAL
        or settled_again
    ):
        if merged == incident:  # a storm says the same thing thousands of times, and each write is a conflict
            return incident
        return msgspec.structs.replace(merged, updated_at=now)
    reopened = transition(merged, IncidentState.DETECTED, now, f"{image} failed to pull")
    return msgspec.structs.replace(reopened, active_since=now, traces=(), proofs=() if is_closed else reopened.proofs)


def knows(incident: Incident, image: ImageReference) -> bool:
    """Whether a failure of the reference adds none to the incident; beyond its bounds it knows them all."""
    reference = str(image)
    return reference in incident.images or reference in incident.others or len(incident.others) >= MOST_OTHERS


def _merged(incident: Incident, image: ImageReference, failure: PullFailure) -> Incident:
    references = tuple(dict.fromkeys((*incident.images, str(image))))
    kept, beyond = references[:MOST_IMAGES], references[MOST_IMAGES:]
    wanted_by = dict.fromkeys((*incident.workloads.get(str(image), ()), *failure.workloads))
    workloads = {**incident.workloads, str(image): tuple(wanted_by)[:MOST_WORKLOADS]}
    rule = failure.diagnosis.cache_rule
    through = {**incident.through, str(image): rule} if rule else incident.through
    return msgspec.structs.replace(
        incident,
        images=kept,
        others=tuple(dict.fromkeys((*incident.others, *beyond)))[:MOST_OTHERS],
        through={name: through[name] for name in kept if name in through},
        workloads={name: workloads[name] for name in kept if name in workloads},
        failures=max(incident.failures, failure.count),
        first_seen=min(incident.first_seen, failure.first_seen),
        last_seen=max(incident.last_seen, failure.last_seen),
        preventive=False,
    )
