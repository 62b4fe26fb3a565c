"""What the adapters' tests share: the stores of one promise, and a way to Azure Storage that breaks on demand."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import Faults
from sandbox.frame.service import Refusal, Service
from sandbox.identity.directory import Identity
from shared.adapters.arm import ArmRegistries
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.channel_states import TableChannelStates
from shared.adapters.tables.client import Tables
from shared.adapters.tables.deliveries import TableDeliveries
from shared.adapters.tables.incidents import TableIncidents
from shared.adapters.tables.leases import TableLeases
from shared.adapters.tables.outbox import TableOutbox
from shared.adapters.tables.payloads import TablePayloads
from shared.adapters.vault_access import ArmVaultAccess
from shared.application.channel_ports import ChannelStates
from shared.application.delivery_ports import Deliveries, Payloads
from shared.application.incident_ports import Incidents
from shared.application.outbox_ports import Outbox
from shared.application.ports import Leases
from shared.application.registry_ports import Registries
from shared.domain.plans import Action, AttachCredentialSet, CreateCacheRule, CreateCredentialSet, GrantVaultAccess
from tests.fakes.clock import ManualClock
from tests.fakes.deliveries import MemoryDeliveries, MemoryPayloads
from tests.fakes.outbox import MemoryChannelStates, MemoryOutbox
from tests.fakes.stores import MemoryIncidents, MemoryLeases
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.cloud.support import Cloud


class Stores(msgspec.Struct, frozen=True):
    """The stores of one implementation, and the clock that ends its leases."""

    incidents: Incidents
    leases: Leases
    deliveries: Deliveries
    payloads: Payloads
    outbox: Outbox
    channel_states: ChannelStates
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
        TableChannelStates(tables),
        clock,
    )


def memory_stores() -> Stores:
    """The fakes that use cases are tested with."""
    clock = ManualClock()
    return Stores(
        MemoryIncidents(),
        MemoryLeases(clock),
        MemoryDeliveries(),
        MemoryPayloads(),
        MemoryOutbox(),
        MemoryChannelStates(),
        clock,
    )


async def until(condition: Callable[[], bool], *, timeout_s: float = 10) -> None:
    """Wait until something holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(timeout_s):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


async def make(registries: Registries, registry_id: str, action: Action) -> None:
    """Create what an action says and wait for the end; raises what that failed of."""
    match action:
        case CreateCredentialSet():
            operation = await registries.create_credential_set(registry_id, action)
        case CreateCacheRule():
            operation = await registries.create_cache_rule(registry_id, action)
        case AttachCredentialSet():
            operation = await registries.attach_credential_set(registry_id, action)
        case GrantVaultAccess():
            raise TypeError("that is the vault's matter")
    failure = None if operation is None else await registries.until_ended(registry_id, operation)
    if failure is not None:
        raise failure


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


class ServedArm(msgspec.Struct, frozen=True):
    """A tenant's Resource Manager behind faults, and what was said to it."""

    cloud: Cloud
    address: str
    faults: Faults
    exchanges: ExchangeLog

    @property
    def registry_id(self) -> str:
        """The ARM id of the registry."""
        return self.cloud.registry.id

    @property
    def vault_id(self) -> str:
        """The ARM id of the vault."""
        return self.cloud.vault.resource_id

    def registries(self, identity: Identity | None = None, **options: Any) -> ArmRegistries:
        """The adapter as production makes it, but for the certificate authority; the product's identity by default."""
        credential = self.cloud.credential(identity)
        return ArmRegistries(credential, endpoint=self.address, **({"poll_s": 0.01} | self.trusting | options))

    def vault_access(self, identity: Identity | None = None, **options: Any) -> ArmVaultAccess:
        """The same for role assignments."""
        return ArmVaultAccess(self.cloud.credential(identity), endpoint=self.address, **(self.trusting | options))

    @property
    def trusting(self) -> dict[str, Any]:
        """The option that lets an SDK client trust the sandbox's authority."""
        return {"connection_verify": str(session_certificates().ca)}

    def writes(self, path: str = "") -> list[str]:
        """Method and last segment of every write, in order."""
        sent = self.exchanges.exchanges("arm", path=path)
        return [f"{e.method} {e.url.partition('?')[0].rpartition('/')[2]}" for e in sent if e.method != "GET"]
