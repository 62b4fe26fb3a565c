"""HTTP functions."""
# ruff: noqa: ARG001 - a trigger has its parameter, needed or not

import hashlib
import json
import logging
import threading
import time
from typing import Any, List  # noqa: UP035 - the worker rejects the built-in list here

import azure.functions as func

from tests.integration.host.app.journal import record, wait_at

web = func.Blueprint()
_ANONYMOUS = func.AuthLevel.ANONYMOUS


def _answer(document: dict[str, Any]) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(document), mimetype="application/json")


@web.route(route="echo/{name}/{number:int?}", methods=["GET", "POST"], auth_level=_ANONYMOUS)
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer with what arrived."""
    body = req.get_body()
    return _answer(
        {
            "method": req.method,
            "url": req.url,
            "route": dict(req.route_params),
            "query": dict(req.params),
            "headers": dict(req.headers),
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "function": context.function_name,
            "trace": context.trace_context.trace_parent,
            "trace_state": context.trace_context.trace_state,
        }
    )


@web.route(route="keys/function")
async def key_function(req: func.HttpRequest) -> func.HttpResponse:
    """Ask for a function key."""
    return func.HttpResponse("function")


@web.route(route="keys/admin", auth_level=func.AuthLevel.ADMIN)
async def key_admin(req: func.HttpRequest) -> func.HttpResponse:
    """Ask for the master key."""
    return func.HttpResponse("admin")


@web.route(route="raises", auth_level=_ANONYMOUS)
async def raises(req: func.HttpRequest) -> func.HttpResponse:
    """Fail."""
    raise ValueError("a secret detail")


@web.route(route="nothing", auth_level=_ANONYMOUS)
async def nothing(req: func.HttpRequest) -> func.HttpResponse:
    """Return nothing, which the worker refuses."""
    return None  # type: ignore[return-value]  # the mistake is the test


@web.route(route="text", methods=["POST"], auth_level=_ANONYMOUS)
async def text(req: func.HttpRequest) -> str:
    """Return the request's body as str."""
    return req.get_body().decode()


@web.route(route="created", auth_level=_ANONYMOUS)
async def created(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 201 with a binary body, a header and two cookies."""
    response = func.HttpResponse(b"\x00\xff", status_code=201, mimetype="application/octet-stream")
    response.headers["X-Made-By"] = "created"
    response.headers.add("Set-Cookie", "one=1; Path=/; HttpOnly; Max-Age=60")
    response.headers.add("Set-Cookie", "two=2; Secure; SameSite=Lax")
    return response


@web.route(route="sync", auth_level=_ANONYMOUS)
def sync(req: func.HttpRequest) -> func.HttpResponse:
    """Log and answer from a thread of the pool."""
    logging.info("from a thread")  # noqa: LOG015 - as apps do
    return func.HttpResponse(threading.current_thread().name)


@web.route(route="logs", auth_level=_ANONYMOUS)
async def logs(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Log, and answer with the invocation's id."""
    logging.getLogger("app.module").info("from the loop")
    return func.HttpResponse(context.invocation_id)


@web.route(route="gate/{gate}", auth_level=_ANONYMOUS)
async def gate(req: func.HttpRequest) -> func.HttpResponse:
    """Answer when the test opens the gate."""
    name = req.route_params["gate"]
    record("gate", gate=name)
    await wait_at(name)
    return func.HttpResponse("open")


@web.route(route="sleep/{seconds}", auth_level=_ANONYMOUS)
def sleep(req: func.HttpRequest) -> func.HttpResponse:
    """Block a thread of the pool."""
    time.sleep(float(req.route_params["seconds"]))
    return func.HttpResponse("slept")


@web.route(route="order/{anything}", auth_level=_ANONYMOUS)
async def order_a(req: func.HttpRequest) -> func.HttpResponse:
    """Hide the next function, whose name comes later."""
    return func.HttpResponse("a")


@web.route(route="order/exact", auth_level=_ANONYMOUS)
async def order_b(req: func.HttpRequest) -> func.HttpResponse:
    """Be hidden."""
    return func.HttpResponse("b")


@web.route(route="switched-off", auth_level=_ANONYMOUS)
async def switched_off(req: func.HttpRequest) -> func.HttpResponse:
    """Be disabled by a setting."""
    record("switched_off")
    return func.HttpResponse("on")


@web.route(route="send/{count}", methods=["POST"], auth_level=_ANONYMOUS)
@web.queue_output(arg_name="messages", queue_name="host-work", connection="AzureWebJobsStorage")
async def send(
    req: func.HttpRequest,
    messages: func.Out[List[str]],  # noqa: UP006 - Out[list[str]] does not load
) -> func.HttpResponse:
    """Put several messages into the queue."""
    tag, count = req.params.get("tag"), int(req.route_params["count"])
    messages.set([json.dumps({"number": number, "tag": tag}) for number in range(count)])
    return func.HttpResponse(status_code=202)
