"""Event Grid: secrets of the vault that have a new version, or whose end comes near."""

import azure.functions as func

from functions.events import taken

blueprint = func.Blueprint()


@blueprint.function_name("vault_events")
@blueprint.event_grid_trigger(arg_name="event")
async def take_vault_event(event: func.EventGridEvent) -> None:
    """Record the event and queue what it hints at."""
    await taken("vault_events", event)
