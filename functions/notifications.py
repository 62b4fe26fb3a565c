"""The queue `notifications`: where outbox rows wait for their channel."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.work import worked

if TYPE_CHECKING:
    from shared.application.assembly import Application

blueprint = func.Blueprint()


@blueprint.function_name("notifications")
@blueprint.queue_trigger(arg_name="message", queue_name="notifications", connection="AzureWebJobsStorage")
async def notify(message: func.QueueMessage) -> None:
    """The message is done when this returns; an error brings it back, and in the end to the poison queue."""
    await worked("notifications", message, _handle)


async def _handle(application: "Application", body: bytes) -> None:
    from shared.application.messages import read_notification

    await application.notification.deliver(read_notification(body))
