"""What people and programs hand to a plan: references, pasted failure texts, lines of `explain --jsonl`.

One line is one image. Texts are written by strangers, so reading one never fails: what is neither a reference nor a
failure is an image without a reference, and the plan says so.
"""

from typing import Any

import msgspec

from shared.domain.diagnosis import Cause, Diagnosis, diagnose
from shared.domain.images import ImageReference, InvalidReference, parse_reference
from shared.domain.incidents import Incident
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.plans import PlannedImage


def images_of(incident: Incident) -> list[PlannedImage]:
    """The images of an incident, in its order."""
    return [
        PlannedImage(
            text=image,
            reference=parse_reference(image),
            cause=Cause.RATE_LIMITED,
            cache_rule=incident.through.get(image),
        )
        for image in incident.images
    ]


def planned_image(line: str) -> PlannedImage:
    """The image that a line names, with the cause and the rule where the line tells them."""
    text = line.strip()
    document = _document(text)
    if "cause" in document:
        return _explained(text, document)
    if isinstance(document.get("reference"), str):
        return _written(document["reference"])
    if isinstance(document.get("text"), str):
        return _diagnosed(document["text"])
    return _written(text)


def diagnosed_image(text: str, diagnosis: Diagnosis) -> PlannedImage:
    """The image of a diagnosis; through a rule, the upstream repository stands in for an image that is not named."""
    reference = diagnosis.image
    if reference is None and diagnosis.upstream is not None:
        reference = _reference(diagnosis.upstream)
    return PlannedImage(text=text, reference=reference, cause=diagnosis.cause, cache_rule=diagnosis.cache_rule)


def _written(text: str) -> PlannedImage:
    """A reference when it is one, else a failure text."""
    reference = None if any(map(str.isspace, text)) else _reference(text)
    return PlannedImage(text=text, reference=reference) if reference is not None else _diagnosed(text)


def _diagnosed(text: str) -> PlannedImage:
    diagnosis = diagnose(text)
    if diagnosis.cause is Cause.UNKNOWN and diagnosis.image is None:
        return PlannedImage(text=text)
    return diagnosed_image(text, diagnosis)


class _Image(msgspec.Struct, frozen=True):
    """An image as `explain --jsonl` writes it."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None


class _Explained(msgspec.Struct, frozen=True):
    """A line of `explain --jsonl`."""

    cause: Cause
    image: _Image | None = None
    cache_rule: str | None = None


def _explained(text: str, document: dict[str, Any]) -> PlannedImage:
    try:
        explained = msgspec.convert(document, _Explained)
    except msgspec.ValidationError:
        return _diagnosed(text)
    image = explained.image
    reference = None
    if image is not None:
        suffix = (f":{image.tag}" if image.tag else "") + (f"@{image.digest}" if image.digest else "")
        reference = _reference(f"{image.registry}/{image.repository}{suffix}")
    return PlannedImage(text=text, reference=reference, cause=explained.cause, cache_rule=explained.cache_rule)


def _document(text: str) -> dict[str, Any]:
    """The JSON object in a line, an empty one where there is none."""
    if not text.startswith("{"):
        return {}
    try:
        document = read_json(text)
    except JsonUnreadable:
        return {}
    return document if isinstance(document, dict) else {}


def _reference(text: str) -> ImageReference | None:
    try:
        return parse_reference(text)
    except InvalidReference:
        return None
