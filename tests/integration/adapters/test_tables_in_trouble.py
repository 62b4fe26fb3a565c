"""Azure Tables that are overloaded, break off, or never answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.frame.faults import FaultRule, Phase
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from shared.application.ports import Changed
from shared.errors import PermanentError, TemporaryError
from tests.integration.adapters.builders import NOON, REGISTRY, incident
from tests.integration.adapters.support import FaultyStorage, Stores, table_stores


@pytest_asyncio.fixture
async def stores(faulty_storage: FaultyStorage) -> AsyncIterator[Stores]:
    """The stores of an account whose requests can be struck."""
    tables = Tables(faulty_storage.account)
    yield table_stores(tables)
    await tables.aclose()


class TestTrouble:
    """Storage that is overloaded, breaks off, or never answers."""

    @pytest.mark.parametrize(("status", "wait"), [(503, 30.0), (500, None), (429, 30.0)])
    async def test_overload(
        self, stores: Stores, faulty_storage: FaultyStorage, status: int, wait: float | None
    ) -> None:
        """It is temporary at once, with the wait that storage asks for and not after it."""
        fault = faulty_storage.faults.add(FaultRule(status=status, headers={"Retry-After": "30"} if wait else {}))
        with pytest.raises(TemporaryError) as caught:
            await stores.incidents.get(incident().id)

        assert (caught.value.retry_after, fault.fired) == (wait, 1)

    async def test_each_operation(self, stores: Stores, faulty_storage: FaultyStorage) -> None:
        """Every operation of every store says so, not only the first."""
        stored = await stores.incidents.insert(incident())
        lease = await stores.leases.acquire("contoso", "one", 60)
        assert lease is not None
        faulty_storage.faults.add(FaultRule(drop=True))
        operations = [
            stores.incidents.get(incident().id),
            stores.incidents.insert(incident("docker.io/library/redis")),
            stores.incidents.replace(stored, incident()),
            anext(aiter(stores.incidents.of_registry(REGISTRY, active_only=True))),
            anext(aiter(stores.incidents.newest(3))),
            stores.leases.acquire("contoso", "two", 60),
            stores.leases.renew(lease, 60),
            stores.leases.release(lease),
            stores.deliveries.begin("d1", NOON),
            stores.deliveries.finish("d1", "ignored", ""),
            stores.payloads.put("p1", b"x"),
            stores.payloads.get("p1"),
            stores.payloads.delete("p1"),
            stores.outbox.get("i1", "r1"),
        ]

        results = await asyncio.gather(*operations, return_exceptions=True)
        assert [type(result).__name__ for result in results] == ["AzureUnavailable"] * len(operations)

    @pytest.mark.parametrize("phase", Phase)
    async def test_one_dropped_connection(self, stores: Stores, faulty_storage: FaultyStorage, phase: Phase) -> None:
        """A read whose connection drops once is read again; nobody notices."""
        stored = await stores.incidents.insert(incident())
        faulty_storage.faults.add(FaultRule(method="GET", times=1, drop=True, phase=phase))

        assert await stores.incidents.get(incident().id) == stored

    async def test_an_insert_whose_answer_is_lost(self, stores: Stores, faulty_storage: FaultyStorage) -> None:
        """The record is there; who tries again is told that it exists, and begins a delivery as if nothing was."""
        await stores.deliveries.begin("d0", NOON)
        faulty_storage.faults.add(FaultRule(method="POST", times=1, drop=True, phase=Phase.AFTER))
        with pytest.raises(TemporaryError):
            await stores.deliveries.begin("d1", NOON)

        assert (await stores.deliveries.begin("d1", NOON)).received_at == NOON

    async def test_a_lease_whose_answer_is_lost(self, stores: Stores, faulty_storage: FaultyStorage) -> None:
        """The holder gets the lease when it asks again, and nobody else does."""
        await stores.leases.acquire("other", "one", 60)
        faulty_storage.faults.add(FaultRule(method="POST", times=1, drop=True, phase=Phase.AFTER))
        with pytest.raises(TemporaryError):
            await stores.leases.acquire("contoso", "one", 60)

        assert await stores.leases.acquire("contoso", "two", 60) is None
        assert await stores.leases.acquire("contoso", "one", 60) is not None

    async def test_a_replacement_whose_answer_is_lost(self, stores: Stores, faulty_storage: FaultyStorage) -> None:
        """A replacement that was done is not done twice: the caller has to read again."""
        stored = await stores.incidents.insert(incident())
        faulty_storage.faults.add(FaultRule(method="PUT", times=1, drop=True, phase=Phase.AFTER))
        with pytest.raises(Changed):
            await stores.incidents.replace(stored, incident())

    async def test_no_answer(self, stores: Stores, faulty_storage: FaultyStorage) -> None:
        """Storage that hangs is given up while an alert can still be answered."""
        faulty_storage.faults.add(FaultRule(hold=True))
        async with asyncio.timeout(5):
            with pytest.raises(TemporaryError):
                await stores.deliveries.begin("d1", NOON)

    # The SDK tests an XML element's truth, which Python 3.12 began to warn of.
    @pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
    async def test_refused(self, faulty_storage: FaultyStorage) -> None:
        """A wrong key is permanent."""
        wrong = (faulty_storage.account.connection_string or "").replace("AccountKey=", "AccountKey=AAAA")
        tables = Tables(StorageAccount(connection_string=wrong))
        with pytest.raises(PermanentError):
            await table_stores(tables).incidents.get(incident().id)
        await tables.aclose()
