"""What the adapters' tests share: the stores of one promise, and a way to Azure Storage that breaks on demand."""

from collections.abc import Iterable
from typing import ClassVar

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import Faults
from sandbox.frame.service import Refusal, Service
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from shared.adapters.tables.deliveries import TableDeliveries
from shared.adapters.tables.incidents import TableIncidents
from shared.adapters.tables.leases import TableLeases
from shared.adapters.tables.outbox import TableOutbox
from shared.adapters.tables.payloads import TablePayloads
from shared.application.ports import Deliveries, Incidents, Leases, Outbox, Payloads
from tests.fakes.clock import ManualClock
from tests.fakes.stores import MemoryDeliveries, MemoryIncidents, MemoryLeases, MemoryOutbox, MemoryPayloads


class Stores(msgspec.Struct, frozen=True):
    """The stores of one implementation, and the clock that ends its leases."""

    incidents: Incidents
    leases: Leases
    deliveries: Deliveries
    payloads: Payloads
    outbox: Outbox
    clock: ManualClock


def table_stores(tables: Tables) -> Stores:
    """The stores on Azure Tables."""
    clock = ManualClock()
    return Stores(
        TableIncidents(tables),
        TableLeases(tables, clock),
        TableDeliveries(tables),
        TablePayloads(tables),
        TableOutbox(tables),
        clock,
    )


def memory_stores() -> Stores:
    """The fakes that use cases are tested with."""
    clock = ManualClock()
    return Stores(MemoryIncidents(), MemoryLeases(clock), MemoryDeliveries(), MemoryPayloads(), MemoryOutbox(), clock)


class StorageProxy(Service):
    """Hands requests on to Azurite, so that the frame's faults can strike between the SDK and the store."""

    name: ClassVar[str] = "storage"
    tls: ClassVar[bool] = False

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session = aiohttp.ClientSession(auto_decompress=False)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Every path is Azurite's."""
        return [web.route("*", "/{path:.*}", self._forward)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """A refusal as Azure Storage writes it."""
        body = {"odata.error": {"code": refusal.code, "message": {"lang": "en", "value": refusal.message}}}
        return web.json_response(body, status=refusal.status, headers={"x-ms-error-code": refusal.code})

    async def close(self) -> None:
        """Close the way to Azurite."""
        await self._session.close()

    async def _forward(self, request: web.Request) -> web.Response:
        # The signature covers the path as it was sent, so nothing is decoded and encoded again.
        target = URL(self._upstream + request.raw_path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with self._session.request(
            request.method,
            target,
            headers=headers,
            data=await request.read() or None,
            skip_auto_headers=["Content-Type"],
        ) as answer:
            kept = {n: v for n, v in answer.headers.items() if n.lower() not in {"transfer-encoding", "content-length"}}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


class FaultyStorage(msgspec.Struct, frozen=True):
    """A storage account whose requests can be struck: `faults.add(FaultRule(...))`."""

    account: StorageAccount
    faults: Faults
    exchanges: ExchangeLog
