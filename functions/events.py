"""What the Event Grid triggers share: an event in either schema as the document that was delivered."""

from typing import Any

import azure.functions as func


async def taken(trigger: str, event: func.EventGridEvent | func.CloudEvent) -> None:
    """Take an event in; an error means that the storage is in trouble, and Event Grid sends the event again."""
    from shared.bootstrap import production

    await (await production()).events.accept(trigger, _document(event))


def _document(event: func.EventGridEvent | func.CloudEvent) -> dict[str, Any]:
    """Whatever the parameter's type says, the worker hands over what the event is (observed, azure-functions 2.3.0)."""
    if isinstance(event, func.CloudEvent):
        return {
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "subject": event.subject,
            "time": event.time,
            "data": event.get_json(),
        }
    return {
        "id": event.id,
        "topic": event.topic,
        "subject": event.subject,
        "eventType": event.event_type,
        "eventTime": event.event_time,
        "data": event.get_json(),
    }
