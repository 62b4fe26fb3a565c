"""Event Grid: images and charts that were pushed to a registry or deleted from it."""

import azure.functions as func

from functions.events import taken

blueprint = func.Blueprint()


@blueprint.function_name("registry_events")
@blueprint.event_grid_trigger(arg_name="event")
async def take_registry_event(event: func.EventGridEvent) -> None:
    """Record the event and queue what it hints at."""
    await taken("registry_events", event)
