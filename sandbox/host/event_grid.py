"""The webhook that Event Grid delivers to: `/runtime/webhooks/eventgrid?functionName=…&code=…`.

All events of a delivery run in parallel, one call each, and one failure makes the whole answer a 500: Event Grid then
sends every one of them again. So a function behind it has to be idempotent.
Source: azure-sdk-for-net, Extensions.EventGrid, EventGridExtensionConfigProvider.cs and HttpRequestProcessor.cs;
azure-functions-host, HostController.ExtensionWebHookHandler.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import msgspec
from aiohttp import web

from sandbox.host.calls import Call, InvocationFailed
from sandbox.host.functions import Function
from sandbox.host.invoker import Invoker
from sandbox.host.keys import Gatekeeper, KeyLevel
from sandbox.host.messages import TypedData

PATH = "/runtime/webhooks/eventgrid"
_logger = logging.getLogger("Host.Triggers.EventGrid")
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS"})
_ORIGIN = "eventgrid.azure.net"
_ORIGINS = frozenset(
    {
        _ORIGIN,
        "eventgrid.azure.us",
        "eventgrid.azure.cn",
        "eventgrid.azure.eaglex.ic.gov",
        "eventgrid.azure.microsoft.scloud",
    }
)


class EventGridWebhook:
    """Deliveries and handshakes for the Event Grid functions, whose names are matched with their case."""

    def __init__(self, functions: Iterable[Function], gatekeeper: Gatekeeper, invoker: Invoker) -> None:
        self._functions = {function.name: function for function in functions if not function.is_disabled}
        self._gatekeeper = gatekeeper
        self._invoker = invoker

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request of Event Grid."""
        if request.method not in _METHODS:
            return web.Response(status=404)
        if not self._gatekeeper.allows(request, KeyLevel.SYSTEM):
            return web.Response(status=401)
        name = request.query.get("functionName", "")
        function = self._functions.get(name)
        if function is None:
            _logger.info("cannot find function: '%s', available: [%s]", name, ", ".join(self._functions))
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        try:
            return await self._answer(request, function)
        except (msgspec.DecodeError, _UnexpectedBody) as error:
            _logger.warning("The delivery for function '%s' can't be read: %s", name, error)
            return web.Response(status=500)

    async def _answer(self, request: web.Request, function: Function) -> web.StreamResponse:
        if request.method == "OPTIONS":
            origin = request.headers.get("WebHook-Request-Origin", "")
            return web.Response(headers={"Webhook-Allowed-Origin": origin if origin in _ORIGINS else _ORIGIN})
        match request.headers.get("aeg-event-type", "").lower():
            case "subscriptionvalidation":
                return _validation(msgspec.json.decode(await request.read()))
            case "notification":
                return await self._deliver(function, msgspec.json.decode(await request.read()))
            case "unsubscribe":
                return web.Response(status=202)
            case _:
                return web.Response(status=400)

    async def _deliver(self, function: Function, document: object) -> web.StreamResponse:
        if not isinstance(document, dict | list):
            raise _UnexpectedBody("the body is neither a JSON object nor an array")
        events = document if isinstance(document, list) else [document]
        results = await asyncio.gather(
            *(self._invoker.call(_call(function, event)) for event in events), return_exceptions=True
        )
        for result in results:
            if isinstance(result, InvocationFailed):
                return web.Response(status=500, text=f"Exception while executing function: Functions.{function.name}")
            if isinstance(result, BaseException):
                raise result
        return web.Response(status=202)


class _UnexpectedBody(Exception):
    """The body is JSON, but not what Event Grid sends."""


def _validation(document: object) -> web.StreamResponse:
    """The answer to the handshake: an array in Event Grid's schema, an object with `data` as a text in CloudEvents'."""
    try:
        event: Any = document[0] if isinstance(document, list) else document
        data = event["data"]
        code = (msgspec.json.decode(data) if isinstance(data, str) else data)["validationCode"]
    except (KeyError, IndexError, TypeError) as error:
        raise _UnexpectedBody(f"the validation event has no data.validationCode ({error!r})") from None
    return web.Response(text=msgspec.json.encode({"validationResponse": code}).decode())


def _call(function: Function, event: object) -> Call:
    """One event as the worker gets it: its JSON text as it came, so dates stay texts."""
    data = event.get("data") if isinstance(event, dict) else None
    return Call(
        function=function,
        data=TypedData(json=msgspec.json.encode(event).decode()),
        reason="EventGrid trigger fired.",
        metadata={"data": TypedData(json=msgspec.json.encode(data).decode())},
    )
