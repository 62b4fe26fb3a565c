"""What the queue triggers share: a message is done, or its error is written down before the queue brings it back."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from shared.application.assembly import Application


async def worked(
    queue: str, message: func.QueueMessage, handle: "Callable[[Application, bytes], Awaitable[None]]"
) -> None:
    """Handle a message; an error brings it back, and in the end to the poison queue, where its history is known."""
    from shared.bootstrap import production

    application, body = await production(), message.get_body()
    try:
        await handle(application, body)
    except Exception as error:
        await application.dead_letters.note_failure(queue, body, error, attempt=message.dequeue_count or 0)
        raise


async def bury(queue: str, message: func.QueueMessage) -> None:
    """Record a message that the host has given up."""
    from shared.bootstrap import production

    await (await production()).dead_letters.bury(queue, message.get_body())
