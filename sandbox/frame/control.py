"""The control API over plain HTTP: reads the exchange log and switches faults on, for tests and people.

A world adds its own routes to these (`sandbox/control`). A request that means nothing here is refused with what was
wrong and where, because a misspelt field would otherwise be a fault that never strikes.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
from aiohttp import web

from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import Fault, FaultRule, Faults
from sandbox.frame.service import Refusal, Service


class BadControlRequest(Refusal):
    """The request's body or parameters are not what the operation takes."""

    code = "BadRequest"
    text = "{detail}"


class NoSuchFault(Refusal):
    """There is no fault with this id."""

    status = 404
    code = "NoSuchFault"
    text = "There is no fault {id!r}."


class NothingHeld(Refusal):
    """The requests that were waited for did not come."""

    status = 408
    code = "NothingHeld"
    text = "No {count} requests were held within {timeout_s} s."


class ControlService(Service):
    """The operations that every set of emulators has."""

    name: ClassVar[str] = "control"
    tls: ClassVar[bool] = False
    watched: ClassVar[bool] = False

    def __init__(self, exchanges: ExchangeLog, faults: Faults) -> None:
        self.exchanges = exchanges
        self.faults = faults

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Exchange log and faults."""
        return [
            web.get("/exchanges", self._list_exchanges),
            web.delete("/exchanges", self._clear_exchanges),
            web.get("/faults", self._list_faults),
            web.post("/faults", self._add_fault),
            web.delete("/faults", self._clear_faults),
            web.delete("/faults/{id}", self._remove_fault),
            web.post("/faults/{id}/release", self._release_fault),
            web.get("/faults/{id}/held", self._held),
        ]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """`{"error": {"code", "message"}}`."""
        return web.json_response({"error": {"code": refusal.code, "message": refusal.message}}, status=refusal.status)

    async def _list_exchanges(self, request: web.Request) -> web.StreamResponse:
        if not request.query:
            return web.Response(body=self.exchanges.json_lines(), content_type="application/x-ndjson")
        query = request.query
        unknown = query.keys() - {"service", "method", "path"}
        if unknown:
            raise BadControlRequest(detail=f"Unknown parameter {min(unknown)}; known are service, method and path.")
        found = self.exchanges.exchanges(query.get("service"), method=query.get("method"), path=query.get("path", ""))
        lines = b"".join(msgspec.json.encode(exchange) + b"\n" for exchange in found)
        return web.Response(body=lines, content_type="application/x-ndjson")

    async def _clear_exchanges(self, _request: web.Request) -> web.StreamResponse:
        self.exchanges.clear()
        return web.Response(status=204)

    async def _list_faults(self, _request: web.Request) -> web.StreamResponse:
        return answer([_fault_document(fault) for fault in self.faults.all()])

    async def _add_fault(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.add(await read(request, FaultRule))
        return answer(_fault_document(fault), status=201)

    async def _clear_faults(self, _request: web.Request) -> web.StreamResponse:
        self.faults.clear()
        return web.Response(status=204)

    async def _remove_fault(self, request: web.Request) -> web.StreamResponse:
        if self.faults.remove(request.match_info["id"]) is None:
            raise NoSuchFault(id=request.match_info["id"])
        return web.Response(status=204)

    async def _release_fault(self, request: web.Request) -> web.StreamResponse:
        fault = self._fault(request)
        fault.release()
        return answer(_fault_document(fault))

    async def _held(self, request: web.Request) -> web.StreamResponse:
        fault = self._fault(request)
        try:
            count, timeout_s = int(request.query.get("count", "1")), float(request.query.get("timeout_s", "30"))
        except ValueError as error:
            raise BadControlRequest(detail=f"count and timeout_s have to be numbers: {error}") from error
        try:
            return answer(await fault.wait_until_held(count, timeout_s=timeout_s))
        except TimeoutError as error:
            raise NothingHeld(count=count, timeout_s=timeout_s) from error

    def _fault(self, request: web.Request) -> Fault:
        fault = self.faults.get(request.match_info["id"])
        if fault is None:
            raise NoSuchFault(id=request.match_info["id"])
        return fault


async def read[T](request: web.Request, shape: type[T]) -> T:
    """The request's body as `shape`; raises BadControlRequest that says what was wrong and where."""
    try:
        return msgspec.json.decode(await request.read(), type=shape)
    except msgspec.DecodeError as error:
        raise BadControlRequest(detail=str(error)) from error


def answer(document: Any, *, status: int = 200) -> web.Response:
    """The document as JSON."""
    return web.Response(body=msgspec.json.encode(document), status=status, content_type="application/json")


def _fault_document(fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.id,
        "rule": fault.rule,
        "matched": fault.matched,
        "fired": fault.fired,
        "held": fault.held,
    }
