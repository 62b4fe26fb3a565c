"""The timer: once a minute it looks which chores are due; each chore says how often it wants its turn."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.function_name("sweep")
@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *")
async def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the worker binds it by name
    """What a chore can't do is recorded with the chore; an error here means that the storage is in trouble."""
    from shared.bootstrap import production

    application = await production()
    await application.sweep.run()
