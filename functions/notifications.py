"""The queue `notifications`, where outbox rows wait for their channel, and what became of them."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.answers import answered
from functions.work import worked

if TYPE_CHECKING:
    from shared.application.assembly import Application

blueprint = func.Blueprint()


@blueprint.function_name("notifications")
@blueprint.queue_trigger(arg_name="message", queue_name="notifications", connection="AzureWebJobsStorage")
async def notify(message: func.QueueMessage) -> None:
    """The message is done when this returns; an error brings it back, and in the end to the poison queue."""
    await worked("notifications", message, _handle)


@blueprint.function_name("notices")
@blueprint.route(route="notifications", methods=["GET"])
async def list_notices(req: func.HttpRequest) -> func.HttpResponse:
    """What became of every notice, the newest first; `?subject=&channel=&kind=&state=` select, `after` pages."""
    return await answered(lambda app: app.notice_reports.listed(req.params))


@blueprint.function_name("channels")
@blueprint.route(route="channels", methods=["GET"])
async def list_channels(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker binds it by name
    """Every channel with how it is and how many of its notices were sent, wait, or are lost."""
    return await answered(lambda app: app.notice_reports.channels())


async def _handle(application: "Application", body: bytes) -> None:
    from shared.application.messages import read_notification

    await application.notification.deliver(read_notification(body))
