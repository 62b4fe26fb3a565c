"""Event Grid functions."""

import azure.functions as func

from tests.integration.host.app.journal import record, wait_at

events = func.Blueprint()


@events.event_grid_trigger(arg_name="event")
@events.queue_output(arg_name="message", queue_name="host-work", connection="AzureWebJobsStorage")
async def on_event(event: func.EventGridEvent, message: func.Out[str]) -> None:
    """Send on what an event asks for, wait, or fail."""
    data = event.get_json()
    record("on_event", id=event.id, type=event.event_type, time=event.event_time)
    if "gate" in data:
        await wait_at(data["gate"])
    if data.get("fail"):
        raise RuntimeError("the event failed")
    if "send" in data:
        message.set(data["send"])


@events.event_grid_trigger(arg_name="event")
def on_cloud_event(event: func.CloudEvent) -> None:
    """Take an event in the CloudEvents schema."""
    record("on_cloud_event", id=event.id, type=event.type, source=event.source, data=event.get_json())
