"""Runs the emulated services on free loopback ports in one event loop, with exchange log and faults around them.

A refusal is the service's answer; any other exception out of a handler is a defect of the sandbox. It is answered with
500, printed, and raised again when the server ends, so that no test passes over it.
"""

import asyncio
import json
import logging
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.frame.certificates import Certificates
from sandbox.frame.exchanges import Exchange, ExchangeLog, json_body
from sandbox.frame.faults import Fault, Faults, HeldRequest, Phase
from sandbox.frame.service import Refusal, Service

_LOG = logging.getLogger("sandbox")
_LARGEST_REQUEST = 256 * 1024 * 1024
_GONE = (ConnectionError, web.RequestPayloadError)


class NoSuchOperation(Refusal):
    """The emulator has no such route; how each real service says it is its own `refuse`'s matter."""

    status = 404
    code = "NotFound"
    text = "The sandbox has no operation {method} {path}."
    guessed = True


class DroppedError(Exception):
    """The connection is to be closed without an answer."""


class Server:
    """The services of a world, listening while the context is entered; every service then knows its `base_url`.

    Attributes:
        defects: exceptions that were no refusals; a clean exit with any of them raises an ExceptionGroup.
    """

    def __init__(
        self, services: Sequence[Service], *, certificates: Certificates, exchanges: ExchangeLog, faults: Faults
    ) -> None:
        self._services = tuple(services)
        self._certificates = certificates
        self._exchanges = exchanges
        self._faults = faults
        self._runners: list[web.AppRunner] = []
        self.defects: list[Exception] = []

    async def __aenter__(self) -> Self:
        """Listen on a free port for each service."""
        listeners = [(service, _listener()) for service in self._services]
        for service, listener in listeners:
            scheme = "https" if service.tls else "http"
            service.base_url = f"{scheme}://localhost:{listener.getsockname()[1]}"
        context = self._certificates.server_context()
        for service, listener in listeners:
            runner = web.AppRunner(self._application(service), access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            self._runners.append(runner)
            await web.SockSite(runner, listener, ssl_context=context if service.tls else None, backlog=1024).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening, close the services, and raise the defects unless something else is on its way already."""
        self._faults.clear()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        for service in self._services:
            await service.close()
        if self.defects and error is None:
            raise ExceptionGroup("the sandbox has defects", self.defects)

    def _application(self, service: Service) -> web.Application:
        application = web.Application(client_max_size=_LARGEST_REQUEST)

        @web.middleware
        async def frame(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._serve(service, request, handler)

        application.middlewares.append(frame)
        application.add_routes(service.routes())
        return application

    async def _serve(self, service: Service, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            body = await request.read()
            response = await self._inject(service, request, Phase.BEFORE)
            if response is None:
                response = await self._answer(service, request, handler)
                instead = await self._inject(service, request, Phase.AFTER, done=response)
                response = instead or response
        except (DroppedError, *_GONE):
            _hang_up(request)
            return web.Response(status=503)
        self._record(service, request, body, response)
        return response

    async def _answer(self, service: Service, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return _refused(service, refusal)
        except web.HTTPException as error:
            if error.status < 400:  # noqa: PLR2004 - a redirect that the service raised
                return error
            return _refused(service, NoSuchOperation(method=request.method, path=request.path))
        except _GONE:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a defect and is raised at the end
            _LOG.exception("DEFECT in the sandbox: %s %s %s", service.name, request.method, request.path)
            self.defects.append(error)
            return web.json_response({"error": {"code": "SandboxDefect", "message": type(error).__name__}}, status=500)

    async def _inject(
        self, service: Service, request: web.Request, phase: Phase, *, done: web.StreamResponse | None = None
    ) -> web.StreamResponse | None:
        if not service.watched:
            return None
        path = str(request.rel_url)
        fault = self._faults.strike(service=service.name, method=request.method, path=path, phase=phase)
        if fault is None:
            return None
        if fault.rule.delay_s:
            await asyncio.sleep(fault.rule.delay_s)
        if fault.rule.hold:
            await fault.keep(HeldRequest(service=service.name, method=request.method, path=path))
        gone = request.transport is None or request.transport.is_closing()
        if fault.rule.drop or (fault.rule.hold and gone) or (fault.rule.status and done is not None and done.prepared):
            if done is not None:
                self._record(service, request, await request.read(), done)
            raise DroppedError
        return _instead(service, fault) if fault.rule.status is not None else None

    def _record(self, service: Service, request: web.Request, body: bytes, response: web.StreamResponse) -> None:
        if not service.watched:
            return
        answer = response.body if isinstance(response, web.Response) else None
        self._exchanges.record(
            Exchange(
                service=service.name,
                method=request.method,
                url=service.base_url + str(request.rel_url),
                request_headers=dict(request.headers),
                request_body=service.redact(json_body(request.content_type, body)),
                status=response.status,
                response_headers=dict(response.headers),
                response_body=service.redact(
                    json_body(response.content_type, answer if isinstance(answer, bytes | bytearray) else None)
                ),
            )
        )


def _listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.setblocking(False)  # noqa: FBT003 - the socket API's own shape
    return listener


def _refused(service: Service, refusal: Refusal) -> web.StreamResponse:
    response = service.refuse(refusal)
    response.headers.update(refusal.headers)
    return response


def _instead(service: Service, fault: Fault) -> web.StreamResponse:
    rule = fault.rule
    status = rule.status or 500
    if rule.body is None and status >= 400:  # noqa: PLR2004 - only refusals are the service's to word
        words = {"status": status, "code": "InjectedFault", "text": f"Injected by {fault.id}."}
        return _refused(service, type("InjectedFault", (Refusal,), words)(headers=rule.headers))
    text = rule.body if isinstance(rule.body, str) else "" if rule.body is None else json.dumps(rule.body)
    response = web.Response(status=status, text=text, content_type="application/json")
    response.headers.update(rule.headers)
    return response


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
