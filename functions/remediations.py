"""The queue `remediations`: where accepted alerts and unsettled registries wait for a worker."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.function_name("remediations")
@blueprint.queue_trigger(arg_name="message", queue_name="remediations", connection="AzureWebJobsStorage")
async def remediate(message: func.QueueMessage) -> None:
    """The message is done when this returns; an error brings it back, and in the end to the poison queue."""
    from shared.application.messages import read_remediation
    from shared.bootstrap import production

    application = await production()
    await application.remediation.handle(read_remediation(message.get_body()))
