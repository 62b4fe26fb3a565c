"""The queue `notifications`: where outbox rows wait for their channel."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.function_name("notifications")
@blueprint.queue_trigger(arg_name="message", queue_name="notifications", connection="AzureWebJobsStorage")
async def notify(message: func.QueueMessage) -> None:
    """The message is done when this returns; an error brings it back, and in the end to the poison queue."""
    from shared.application.messages import read_notification
    from shared.bootstrap import production

    application = await production()
    await application.notification.deliver(read_notification(message.get_body()))
