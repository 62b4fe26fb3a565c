"""Key Vault's events: a token's end comes near, or a secret has a new version."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.function_name("vault_events")
@blueprint.event_grid_trigger(arg_name="event")
async def hear(event: func.EventGridEvent) -> None:
    """An event is a hint; an error has Event Grid send it again."""
    from shared.bootstrap import production
    from shared.domain.vault_events import read_vault_event

    heard = read_vault_event(event.event_type, event.get_json())
    if heard is not None:
        await (await production()).credential_watch.heard(heard)
