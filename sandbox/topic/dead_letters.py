"""Event Grid's dead letters: what becomes of an event's fields, and the blob that it is left in.

Documented: https://learn.microsoft.com/azure/event-grid/manage-event-delivery. The real thing puts several events of
one subscription into a blob; here each has its own, in an array all the same.
"""

import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from sandbox.topic.schemas import Schema, as_cloud_event

CONTAINER: Final = "event-dead-letters"

_OUTCOMES: Final = {
    0: "TimedOut",
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    413: "RequestEntityTooLarge",
    503: "Busy",
}
"""`NotFound` is documented; the others are guessed after it."""


class GivenUp(msgspec.Struct, frozen=True):
    """What Event Grid says of an event that it gave up; `status` is the last answer's, 0 when there was none."""

    reason: str
    attempts: int
    status: int
    published: datetime
    tried: datetime

    def beside(self, event: dict[str, Any], schema: Schema) -> dict[str, Any]:
        """The event in its subscription's schema with this beside its own fields, whose names CloudEvents restricts."""
        fields = {
            "deadLetterReason": self.reason,
            "deliveryAttempts": self.attempts,
            "lastDeliveryOutcome": _OUTCOMES.get(self.status, "GenericError"),
            "publishTime": _text(self.published),
            "lastDeliveryAttemptTime": _text(self.tried),
        }
        if schema is Schema.EVENT_GRID:
            return event | fields
        return as_cloud_event(event) | {name.lower(): value for name, value in fields.items()}


class DeadLetterContainer:
    """A blob container of a storage account, made when the first event is left in it."""

    def __init__(self, connection_string: str, name: str = CONTAINER) -> None:
        self._connection_string = connection_string
        self._name = name

    async def leave(self, subscription: str, events: list[dict[str, Any]], at: datetime) -> str:
        """Write some events of a subscription into one blob; its name."""
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.blob.aio import ContainerClient

        blob = f"{subscription.upper()}/{at.year}/{at.month}/{at.day}/{at.hour}/{uuid.uuid4()}.json"
        async with ContainerClient.from_connection_string(self._connection_string, self._name) as container:
            with suppress(ResourceExistsError):
                await container.create_container()
            await container.upload_blob(blob, msgspec.json.encode(events))
        return blob


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
