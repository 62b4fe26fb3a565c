"""Merging: the same image, cause and resource once, whatever number of rows and sources told of it.

Kubernetes reports a failed pull twice, with the cause and as "Back-off pulling image" without it; the second says
nothing that the first does not, so it is dropped where the first is there.
"""

from collections.abc import Sequence

import msgspec

from shared.domain.failures import Cause, PullFailure

_MOST_WORKLOADS = 50


def merged(failures: Sequence[PullFailure]) -> list[PullFailure]:
    """The failures without repetitions, in the order in which each was first told of."""
    known = {(f.resource_id, f.diagnosis.image) for f in failures if f.diagnosis.cause is not Cause.UNKNOWN}
    found: dict[object, PullFailure] = {}
    for item in failures:
        told = item.diagnosis
        if told.cause is Cause.UNKNOWN and (item.resource_id, told.image) in known:
            continue
        key = (item.resource_id, told.image, told.cause, told.cache_rule, told.limit)
        found[key] = _together(found[key], item) if key in found else item
    return list(found.values())


def _together(first: PullFailure, second: PullFailure) -> PullFailure:
    return msgspec.structs.replace(
        first,
        count=first.count + second.count,
        first_seen=min(first.first_seen, second.first_seen),
        last_seen=max(first.last_seen, second.last_seen),
        workloads=tuple(sorted({*first.workloads, *second.workloads})[:_MOST_WORKLOADS]),
    )
