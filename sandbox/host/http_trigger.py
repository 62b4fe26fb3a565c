"""Serves the HTTP functions: route, key, disabled, throttle, call, answer, in the real host's order.

Reproduced on purpose: a method that no route takes is 404, not 405; a body without `Content-Length` (chunked) does not
reach the function; repeated headers and query values are joined with a comma, empty query values are dropped.
Source: azure-functions-host, FunctionInvocationMiddleware.cs and RpcMessageConversionExtensions.cs.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from sandbox.host.calls import Call, InvocationFailed
from sandbox.host.functions import Function
from sandbox.host.host_json import HttpOptions
from sandbox.host.http_results import response_of
from sandbox.host.invoker import Invoker
from sandbox.host.keys import Gatekeeper, KeyLevel
from sandbox.host.messages import RpcHttp, TypedData
from sandbox.host.routes import RouteTable


class HttpTrigger:
    """The HTTP functions of the app."""

    def __init__(self, routes: RouteTable, gatekeeper: Gatekeeper, invoker: Invoker, options: HttpOptions) -> None:
        self._routes = routes
        self._gatekeeper = gatekeeper
        self._invoker = invoker
        self._throttle = _Throttle(options.max_outstanding_requests, options.max_concurrent_requests)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request that is for none of the host's own addresses."""
        found = self._routes.find(request.method, request.rel_url.raw_path)
        if found is None:
            return web.Response(status=404)
        async with self._throttle.turn() as admitted:
            if not admitted:
                return web.Response(status=429)
            return await self._answer(request, *found)

    async def _answer(
        self, request: web.Request, function: Function, route_values: dict[str, str]
    ) -> web.StreamResponse:
        if not self._gatekeeper.allows(request, KeyLevel(function.auth_level.value), function.name):
            return web.Response(status=401)
        if function.is_disabled and self._gatekeeper.level(request, function.name) is not KeyLevel.ADMIN:
            return web.Response(status=404)
        call = Call(
            function=function,
            data=TypedData(http=await _message(request, route_values)),
            reason="This function was programmatically called via the host APIs.",
            trace_parent=request.headers.get("traceparent", ""),
            trace_state=request.headers.get("tracestate", ""),
        )
        try:
            response = await self._invoker.call(call)
        except InvocationFailed:
            return web.Response(status=500)
        return response_of(response.return_value)


async def _message(request: web.Request, route_values: dict[str, str]) -> RpcHttp:
    query = _joined(request.query.items())
    body = await request.read() if request.content_length else b""
    return RpcHttp(
        method=request.method,
        url=str(request.url),
        headers=_joined((name.lower(), value) for name, value in request.headers.items()),
        params=route_values,
        query={name: value for name, value in query.items() if value},
        body=TypedData(bytes=body) if body else TypedData(),
    )


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


class _Throttle:
    """`maxOutstandingRequests` and `maxConcurrentRequests` of host.json."""

    def __init__(self, outstanding: int | None, concurrent: int | None) -> None:
        self._limit = outstanding
        self._outstanding = 0
        self._slots = None if concurrent is None else asyncio.Semaphore(concurrent)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Wait for a free slot; False at once when too many wait already."""
        if self._limit is not None and self._outstanding >= self._limit:
            yield False
            return
        self._outstanding += 1
        try:
            if self._slots is None:
                yield True
            else:
                async with self._slots:
                    yield True
        finally:
            self._outstanding -= 1
