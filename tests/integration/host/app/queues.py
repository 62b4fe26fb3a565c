"""Queue functions."""

import json

import azure.functions as func

from tests.integration.host.app.journal import record, wait_at

queues = func.Blueprint()
_STORAGE = "AzureWebJobsStorage"


@queues.queue_trigger(arg_name="msg", queue_name="%WORK_QUEUE%", connection=_STORAGE)
@queues.queue_output(arg_name="done", queue_name="host-done", connection=_STORAGE)
async def work(msg: func.QueueMessage, done: func.Out[str]) -> None:
    """Do what the message says: wait at a gate, fail, send on."""
    body = msg.get_body().decode()
    order = json.loads(body)
    record(
        "work",
        order=order,
        id=msg.id,
        dequeue_count=msg.dequeue_count,
        has_receipt=bool(msg.pop_receipt),
        inserted=msg.insertion_time,
        expires=msg.expiration_time,
        next_visible=msg.time_next_visible,
    )
    if "gate" in order:
        await wait_at(order["gate"])
    if order.get("fail"):
        raise RuntimeError("the message failed")
    if order.get("too_big"):
        done.set("x" * 70_000)
    if "send" in order:
        done.set(order["send"])
    record("work finished", order=order)


@queues.queue_trigger(arg_name="msg", queue_name="host-binary", connection=_STORAGE, data_type=func.DataType.BINARY)
def binary(msg: func.QueueMessage) -> None:
    """Take bytes that are no text."""
    record("binary", body=msg.get_body().hex())


@queues.queue_trigger(arg_name="msg", queue_name="host-sad-poison", connection=_STORAGE)
def sad(msg: func.QueueMessage) -> None:
    """Fail on a poison queue, which has no poison queue of its own."""
    record("sad", id=msg.id)
    raise RuntimeError("still bad")
