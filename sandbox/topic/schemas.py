"""The two event schemas of Event Grid, checked as strictly as its documentation reads."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from sandbox.topic.refusals import BadEvents, WrongContentType

_NAME = Annotated[str, msgspec.Meta(min_length=1)]
_ATTRIBUTES: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


class Schema(StrEnum):
    """What a topic takes; a topic takes one of them only."""

    CLOUD_EVENT = "CloudEventSchemaV1_0"
    EVENT_GRID = "EventGridSchema"


class CloudEvent(msgspec.Struct, frozen=True):
    """The attributes of CloudEvents 1.0 that have a rule; others are extensions."""

    id: _NAME
    source: _NAME
    specversion: _NAME
    type: _NAME
    time: datetime | None = None
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None


class EventGridEvent(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """An event in Event Grid's own schema; `topic` and `metadataVersion` are stamped by the topic."""

    id: _NAME
    subject: str
    event_type: _NAME
    event_time: datetime
    data: Any = None
    data_version: str = ""
    topic: str | None = None
    metadata_version: str | None = None


_BATCH_TYPES: Final = {
    Schema.CLOUD_EVENT: ("application/cloudevents-batch+json", "application/cloudevents+json"),
    Schema.EVENT_GRID: ("application/json", "application/json"),
}


def read_events(body: bytes, content_type: str, schema: Schema, topic_id: str) -> list[dict[str, Any]]:
    """The events of one publication as the topic keeps them.

    Raises:
        WrongContentType: for a content type of another schema.
        BadEvents: for a body that is no batch, or an event that breaks its schema.
    """
    if content_type not in _BATCH_TYPES[schema]:
        raise WrongContentType(found=content_type, expected=" or ".join(dict.fromkeys(_BATCH_TYPES[schema])))
    try:
        batch = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise BadEvents(detail=f"The request content is not valid JSON: {error}") from error
    if content_type == "application/cloudevents+json":
        batch = [batch]
    if not isinstance(batch, list) or not batch or not all(isinstance(event, dict) for event in batch):
        raise BadEvents(detail="The request content must be a JSON array of at least one event.")
    return [_checked(event, schema, topic_id, number) for number, event in enumerate(batch, 1)]


def _checked(event: dict[str, Any], schema: Schema, topic_id: str, number: int) -> dict[str, Any]:
    try:
        if schema is Schema.CLOUD_EVENT:
            _check_cloud_event(event)
            return event
        checked = msgspec.convert(event, EventGridEvent)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadEvents(detail=f"Event {number} does not conform to {schema}: {error}") from error
    if checked.topic not in {None, "", topic_id}:
        raise BadEvents(detail=f"Event {number} names another topic.")
    return event | {"topic": topic_id, "metadataVersion": "1", "dataVersion": checked.data_version}


def _check_cloud_event(event: dict[str, Any]) -> None:
    checked = msgspec.convert(event, CloudEvent)
    if checked.specversion != "1.0":
        raise ValueError(f"specversion has to be 1.0, found {checked.specversion!r}")
    if "data" in event and "data_base64" in event:
        raise ValueError("data and data_base64 exclude each other")
    for name in event.keys() - {"data_base64"}:
        if not _ATTRIBUTES.issuperset(name):
            raise ValueError(f"the attribute {name!r} is not of lower-case letters and digits")


def as_cloud_event(event: dict[str, Any]) -> dict[str, Any]:
    """An event of Event Grid's schema as a subscription with the CloudEvents schema receives it."""
    return {
        "id": event["id"],
        "source": event["topic"],
        "subject": event["subject"],
        "type": event["eventType"],
        "time": event["eventTime"],
        "data": event["data"],
        "specversion": "1.0",
    }
