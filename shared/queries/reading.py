"""The part of reading that all sources share: from an aggregated row to a failure."""

from shared.domain.failures import Cause, Diagnosis, PullFailure, Workload, diagnose
from shared.domain.images import ImageReference, InvalidReference, parse_reference
from shared.queries.rows import Row, count, moment, text


def failure(row: Row, diagnosis: Diagnosis, workloads: tuple[Workload, ...]) -> PullFailure | None:
    """The failure in a row with the columns Resource, Failures, FirstSeen and LastSeen; None when it has no time."""
    first, last = moment(row, "FirstSeen"), moment(row, "LastSeen")
    if first is None and last is None:
        return None
    first, last = first or last, last or first
    assert first is not None  # noqa: S101 - for the type checker; the line above gives each the other's value
    assert last is not None  # noqa: S101 - the same
    return PullFailure(
        diagnosis=diagnosis,
        resource_id=text(row, "Resource").lower(),
        first_seen=min(first, last),
        last_seen=max(first, last),
        count=count(row, "Failures"),
        workloads=workloads,
    )


def diagnosed(row: Row) -> Diagnosis:
    """What the row's Text says, with the image of the column Image when the text names none."""
    diagnosis = diagnose(text(row, "Text"))
    if diagnosis.image is not None:
        return diagnosis
    return with_image(diagnosis, reference(text(row, "Image")))


def with_image(diagnosis: Diagnosis, image: ImageReference | None) -> Diagnosis:
    """The diagnosis about an image that something else than the text names."""
    import msgspec

    return msgspec.structs.replace(diagnosis, image=image) if image is not None else diagnosis


def reference(written: str) -> ImageReference | None:
    """The reference in a cell, None when it holds none."""
    try:
        return parse_reference(written) if written else None
    except InvalidReference:
        return None


def is_a_failed_pull(diagnosis: Diagnosis) -> bool:
    """Whether a text is about a pull at all; log tables hold other messages with the same words."""
    return diagnosis.cause is not Cause.UNKNOWN or diagnosis.image is not None
