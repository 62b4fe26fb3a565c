"""What the queue triggers share: a message is done, or its error is written down before the queue brings it back."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from shared.application.assembly import Application


async def worked(
    queue: str, message: func.QueueMessage, handle: "Callable[[Application, bytes], Awaitable[None]]"
) -> None:
    """Handle a message; an error brings it back, and in the end to the poison queue, where its history is known.

    While there is no application, since its policy is refused, it is put off.
    """
    from shared.bootstrap import production
    from shared.errors import PermanentError
    from shared.put_off import put_off

    body = message.get_body()
    try:
        application = await production()
    except PermanentError as error:
        await put_off(queue, body, error)
        return
    _note_wait(queue, message)
    try:
        await handle(application, body)
    except Exception as error:
        await application.dead_letters.note_failure(queue, body, error, attempt=message.dequeue_count or 0)
        raise


def _note_wait(queue: str, message: func.QueueMessage) -> None:
    """How old a message is when it is first taken; one that comes back says nothing about the queue."""
    from shared.telemetry.instruments import QUEUE_WAIT
    from shared.telemetry.metrics import observe

    if message.dequeue_count == 1 and message.insertion_time is not None:
        observe(QUEUE_WAIT, (datetime.now(UTC) - message.insertion_time).total_seconds(), queue=queue)


async def bury(queue: str, message: func.QueueMessage) -> None:
    """Record a message that the host has given up; while there is no application it stays where it is."""
    from shared.bootstrap import production
    from shared.errors import PermanentError
    from shared.put_off import put_off

    body = message.get_body()
    try:
        application = await production()
    except PermanentError as error:
        await put_off(f"{queue}-poison", body, error)
        return
    await application.dead_letters.receive(queue, body)
