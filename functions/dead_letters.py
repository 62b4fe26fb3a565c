"""The poison queues, and `/api/dead-letters`: what was given up, and the way back."""

import azure.functions as func

from functions.answers import answered, signed_in
from functions.work import bury

blueprint = func.Blueprint()


@blueprint.function_name("remediations_poison")
@blueprint.queue_trigger(arg_name="message", queue_name="remediations-poison", connection="AzureWebJobsStorage")
async def bury_remediation(message: func.QueueMessage) -> None:
    """Record a message of `remediations` that failed five times."""
    await bury("remediations", message)


@blueprint.function_name("notifications_poison")
@blueprint.queue_trigger(arg_name="message", queue_name="notifications-poison", connection="AzureWebJobsStorage")
async def bury_notification(message: func.QueueMessage) -> None:
    """Record a message of `notifications` that failed five times."""
    await bury("notifications", message)


@blueprint.function_name("rotations_poison")
@blueprint.queue_trigger(arg_name="message", queue_name="rotations-poison", connection="AzureWebJobsStorage")
async def bury_rotation(message: func.QueueMessage) -> None:
    """Record a message of `rotations` that failed five times."""
    await bury("rotations", message)


@blueprint.function_name("dead_letters")
@blueprint.route(route="dead-letters", methods=["GET"])
async def list_dead_letters(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker binds it by name
    """The dead letters with their errors, latest change first."""
    return await answered(lambda app: app.dead_letters.listed())


@blueprint.function_name("dead_letter")
@blueprint.route(route="dead-letters/{id}", methods=["GET"])
async def show_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """One dead letter with all that is kept of its message."""
    return await answered(lambda app: app.dead_letters.shown(req.route_params["id"]))


@blueprint.function_name("replay")
@blueprint.route(route="dead-letters/{id}/replay", methods=["POST"])
async def replay_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """Put a letter's message back on its queue; 409 when it is on its way already."""
    key, who = req.route_params["id"], signed_in(req)
    return await answered(lambda app: app.dead_letters.replay(key, by=who))
