"""The admin API below `/admin`: status, drain, and calling a function by hand. The master key opens it.

Source: azure-functions-host, HostController.cs and FunctionsController.cs; what is left out is in README.md.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import msgspec
from aiohttp import web

from sandbox.host.calls import Call, InvocationFailed
from sandbox.host.catalog import Catalog
from sandbox.host.functions import Function, TriggerKind
from sandbox.host.invoker import Invoker
from sandbox.host.keys import Gatekeeper, KeyLevel
from sandbox.host.listeners import Listeners
from sandbox.host.messages import RpcHttp, TypedData
from sandbox.host.queue_messages import ReceivedMessage

_SYSTEM_KEY = "eventgrid_extension"


class HostControl(Protocol):
    """What the admin API can ask the host for and tell it."""

    @property
    def status(self) -> dict[str, Any]:
        """The answer to `GET /admin/host/status`."""

    @property
    def is_draining(self) -> bool:
        """Whether the listeners have been stopped."""

    def drain(self) -> None:
        """Stop the listeners; HTTP goes on."""

    @property
    def is_drained(self) -> bool:
        """Whether the drain is complete."""

    def resume(self) -> bool:
        """Start the listeners again; False while a drain is under way."""


class AdminApi:
    """Requests below `/admin`."""

    def __init__(
        self, host: HostControl, catalog: Catalog, gatekeeper: Gatekeeper, invoker: Invoker, listeners: Listeners
    ) -> None:
        self._host = host
        self._catalog = catalog
        self._gatekeeper = gatekeeper
        self._invoker = invoker
        self._listeners = listeners
        self._in_background: set[asyncio.Task[None]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        parts = request.path.lower().strip("/").split("/")[1:]
        if parts == ["host", "ping"] and request.method in {"GET", "POST"}:
            return web.Response()
        if not self._gatekeeper.allows(request, KeyLevel.ADMIN):
            return web.Response(status=401)
        if parts[:1] == ["host"]:
            return self._of_host(request.method, parts[1:])
        return await self._of_functions(request, parts)

    async def _of_functions(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        match parts:
            case ["functions"] if request.method == "GET":
                return web.json_response([_described(function) for function in self._catalog.functions])
            case ["functions", name, *rest]:
                function = self._catalog.find(name)
                return web.Response(status=404) if function is None else await self._of(function, request, rest)
        return web.Response(status=404)

    def _of_host(self, method: str, parts: list[str]) -> web.StreamResponse:
        answers: dict[tuple[str, ...], Callable[[], web.StreamResponse]] = {
            ("GET", "status"): lambda: web.json_response(self._host.status),
            ("POST", "drain"): self._drain,
            ("GET", "drain", "status"): lambda: web.json_response(self._drain_status()),
            ("POST", "resume"): self._resume,
            ("POST", "synctriggers"): lambda: web.json_response({"status": "success"}),
            ("GET", "systemkeys", _SYSTEM_KEY): lambda: web.json_response(self._system_key()),
        }
        return answers.get((method, *parts), lambda: web.Response(status=404))()

    def _drain(self) -> web.StreamResponse:
        self._host.drain()
        return web.Response(status=202)

    def _resume(self) -> web.StreamResponse:
        if not self._host.resume():
            return web.Response(status=409)
        return web.json_response({"state": self._host.status["state"]})

    def _system_key(self) -> dict[str, str]:
        return {"name": _SYSTEM_KEY, "value": self._gatekeeper.keys.eventgrid_extension}

    async def _of(self, function: Function, request: web.Request, parts: list[str]) -> web.StreamResponse:
        match (request.method, *parts):
            case ("GET",):
                return web.json_response(_described(function))
            case ("GET", "status"):
                return web.json_response({"errors": [function.error]} if function.error else {})
            case ("POST",):
                return await self._invoke(function, request)
        return web.Response(status=404)

    async def _invoke(self, function: Function, request: web.Request) -> web.StreamResponse:
        """Accept a call by hand, `{"input": "…"}`; it runs in the background, and its outcome is only logged."""
        if function.error:
            return web.Response(status=404)
        if request.content_type.lower() not in {"application/json", "text/json"}:
            return web.Response(status=415)
        try:
            text = msgspec.json.decode(await request.read(), type=_ByHand).input
        except msgspec.DecodeError:
            return web.Response(status=400)
        task = asyncio.create_task(self._run(self._call(function, text or "")))
        self._in_background.add(task)
        task.add_done_callback(self._in_background.discard)
        return web.Response(status=202)

    async def _run(self, call: Call) -> None:
        try:
            await self._invoker.call(call)
        except InvocationFailed:
            return  # the invoker has logged it

    def _call(self, function: Function, text: str) -> Call:
        reason = "This function was programmatically called via the host APIs."
        match function.kind:
            case TriggerKind.TIMER:
                return self._listeners.timers[function.name.lower()].call(reason=reason)
            case TriggerKind.EVENT_GRID:
                return Call(function=function, data=TypedData(json=text), reason=reason)
            case TriggerKind.HTTP:
                data = TypedData(http=RpcHttp(method="POST", body=TypedData(string=text)))
                return Call(function=function, data=data, reason=reason)
            case TriggerKind.QUEUE:
                metadata = _made_up_message(text).metadata(text.encode())
                return Call(function=function, data=TypedData(string=text), reason=reason, metadata=metadata)

    def _drain_status(self) -> dict[str, Any]:
        running, waiting = self._invoker.outstanding, self._invoker.waiting_to_retry
        state = "Disabled"
        if self._host.is_draining:
            state = "InProgress" if running or waiting or not self._host.is_drained else "Completed"
        return {"state": state, "outstandingInvocations": running, "outstandingRetries": waiting}


class _ByHand(msgspec.Struct, frozen=True):
    """The body of a call by hand."""

    input: str | None = None


def _made_up_message(text: str) -> ReceivedMessage:
    """A message that is in no queue, for a call by hand."""
    now = datetime.now(UTC)
    return ReceivedMessage(str(uuid4()), text, "", 0, now, now + timedelta(days=7), now)


def _described(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "language": "python",
        "isDisabled": function.is_disabled,
        "isDirect": True,
        "isProxy": False,
        "config": {"name": function.name, "language": "python", "bindings": list(function.raw_bindings)},
    }
