"""Event Grid: cache rules and credential sets that somebody wrote or deleted in Resource Manager."""

import azure.functions as func

from functions.events import taken

blueprint = func.Blueprint()


@blueprint.function_name("resource_events")
@blueprint.event_grid_trigger(arg_name="event")
async def take_resource_event(event: func.EventGridEvent) -> None:
    """Record the event and queue what it hints at."""
    await taken("resource_events", event)
