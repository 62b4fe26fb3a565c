"""The queue `remediations`: where accepted alerts and unsettled registries wait for a worker."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.work import worked

if TYPE_CHECKING:
    from shared.application.assembly import Application

blueprint = func.Blueprint()


@blueprint.function_name("remediations")
@blueprint.queue_trigger(arg_name="message", queue_name="remediations", connection="AzureWebJobsStorage")
async def remediate(message: func.QueueMessage) -> None:
    """The message is done when this returns; an error brings it back, and in the end to the poison queue."""
    await worked("remediations", message, _handle)


async def _handle(application: "Application", body: bytes) -> None:
    from shared.application.messages import read_remediation

    await application.remediation.handle(read_remediation(body))
