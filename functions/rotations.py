"""`/api/rotations` and the queue `rotations`: tokens that are replaced."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.answers import answered
from functions.work import worked

if TYPE_CHECKING:
    from shared.application.assembly import Application

blueprint = func.Blueprint()


@blueprint.function_name("rotate")
@blueprint.route(route="rotations/{credential}", methods=["POST"])
async def rotate(req: func.HttpRequest) -> func.HttpResponse:
    """Begin a rotation, or with `dry_run` say what it would do; 202, and the queue does the work."""
    return await answered(
        lambda app: app.rotation_requests.ask(req.route_params["credential"], req.get_body()), status=202
    )


@blueprint.function_name("rotation")
@blueprint.route(route="rotations/{credential}", methods=["GET"])
async def show_rotations(req: func.HttpRequest) -> func.HttpResponse:
    """A credential's rotations with their timelines, and its headroom."""
    return await answered(lambda app: app.rotation_requests.show(req.route_params["credential"]))


@blueprint.function_name("rotation_overview")
@blueprint.route(route="rotations", methods=["GET"])
async def list_rotations(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker binds it by name
    """Every credential with its newest rotation."""
    return await answered(lambda app: app.rotation_requests.overview())


@blueprint.function_name("rotations")
@blueprint.queue_trigger(arg_name="message", queue_name="rotations", connection="AzureWebJobsStorage")
async def advance(message: func.QueueMessage) -> None:
    """The message is done when this returns; an error brings it back, and in the end to the poison queue."""
    await worked("rotations", message, _handle)


async def _handle(application: "Application", body: bytes) -> None:
    from shared.application.messages import read_rotation

    await application.credential_watch.handle(read_rotation(body))
