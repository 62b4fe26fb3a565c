"""The contract of the leases: it holds for the fake and for Azure Tables alike."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableServiceClient

from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from shared.adapters.tables.leases import CLOCK_SKEW, LONGEST, TableLeases
from shared.application.ports import Changed
from tests.fakes.clock import ManualClock
from tests.integration.adapters.support import Stores


class TestLeases:
    """One holder at a time, and none for ever."""

    async def test_one_holder(self, stores: Stores) -> None:
        """While one holds the lease, another gets none."""
        lease = await stores.leases.acquire("contoso", "one", 60)

        assert lease is not None
        assert ("contoso", "one", stores.clock.now() + timedelta(seconds=60)) == (
            lease.name,
            lease.holder,
            lease.expires_at,
        )
        assert await stores.leases.acquire("contoso", "two", 60) is None
        assert await stores.leases.acquire("fabrikam", "two", 60) is not None

    async def test_many_at_once(self, stores: Stores) -> None:
        """Of ten who ask at once exactly one gets it, for a new lease and for an expired one."""
        for _ in range(2):
            asked = (stores.leases.acquire("contoso", f"worker {number}", 60) for number in range(10))
            leases = await asyncio.gather(*asked)
            assert sum(lease is not None for lease in leases) == 1
            stores.clock.advance(60 + CLOCK_SKEW.total_seconds() + 1)

    async def test_its_own(self, stores: Stores) -> None:
        """The holder that asks again, after an answer that was lost, has it still."""
        await stores.leases.acquire("contoso", "one", 60)

        again = await stores.leases.acquire("contoso", "one", 60)
        assert again is not None
        assert (await stores.leases.renew(again, 60)).holder == "one"

    async def test_expiry(self, stores: Stores) -> None:
        """What a killed worker held is free after its end, and the worker can't renew it then."""
        lost = await stores.leases.acquire("contoso", "one", 60)
        assert lost is not None
        stores.clock.advance(60 + CLOCK_SKEW.total_seconds() + 1)

        taken = await stores.leases.acquire("contoso", "two", 60)
        assert taken is not None
        with pytest.raises(Changed):
            await stores.leases.renew(lost, 60)

    async def test_renewal(self, stores: Stores) -> None:
        """A renewed lease lasts longer, and only its latest mark renews it again."""
        first = await stores.leases.acquire("contoso", "one", 60)
        assert first is not None
        stores.clock.advance(50)
        second = await stores.leases.renew(first, 60)
        stores.clock.advance(50)

        assert await stores.leases.acquire("contoso", "two", 60) is None
        with pytest.raises(Changed):
            await stores.leases.renew(first, 60)
        assert second.expires_at < (await stores.leases.renew(second, 60)).expires_at

    async def test_release(self, stores: Stores) -> None:
        """A lease that was given back is free at once."""
        lease = await stores.leases.acquire("contoso", "one", 60)
        assert lease is not None
        await stores.leases.release(lease)
        await stores.leases.release(lease)

        assert await stores.leases.acquire("contoso", "two", 60) is not None

    async def test_release_of_a_lost_one(self, stores: Stores) -> None:
        """Giving back a lease that another took over takes it from nobody."""
        lost = await stores.leases.acquire("contoso", "one", 60)
        assert lost is not None
        stores.clock.advance(60 + CLOCK_SKEW.total_seconds() + 1)
        await stores.leases.acquire("contoso", "two", 60)

        await stores.leases.release(lost)
        assert await stores.leases.acquire("contoso", "three", 60) is None


class TestUnreadable:
    """A lease whose row this version can't read."""

    @pytest.mark.parametrize("garbled", [{"record0": '{"holder": 7}'}, {"record0": 7}, {}])
    async def test_it_keeps_others_out_only_as_long_as_it_may_be_held(
        self, garbled: dict[str, Any], tables: Tables, account: StorageAccount
    ) -> None:
        """It may be a newer version's; nobody holds one for longer than the settings admit without renewing it."""
        clock = ManualClock(datetime.now(UTC))
        leases = TableLeases(tables, clock)
        held = await leases.acquire("contoso", "one", 60)
        assert held is not None
        async with TableServiceClient.from_connection_string(account.connection_string or "") as client:
            entity = {"PartitionKey": "contoso", "RowKey": "lease", **garbled}
            await client.get_table_client("leases").update_entity(entity, mode=UpdateMode.REPLACE)

        clock.advance(LONGEST.total_seconds() - 60)
        assert await leases.acquire("contoso", "two", 60) is None
        with pytest.raises(Changed):
            await leases.renew(held, 60)

        clock.advance(60 + 2 * CLOCK_SKEW.total_seconds())
        taken = await leases.acquire("contoso", "two", 60)
        assert taken is not None
        assert await leases.acquire("contoso", "three", 60) is None
        await leases.renew(taken, 60)
