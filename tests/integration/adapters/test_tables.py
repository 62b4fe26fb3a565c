"""Azure Tables when something goes wrong, and what only the real store has: keys, missing tables, readable records."""

import asyncio

import pytest
from azure.data.tables.aio import TableServiceClient
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.leases import CLOCK_SKEW
from shared.adapters.tables.payloads import LARGEST_PAYLOAD, PayloadTooLarge
from shared.adapters.tables.records import RecordUnreadable
from tests.integration.adapters.builders import NOON, REGISTRY, incident
from tests.integration.adapters.support import table_stores

FORBIDDEN = set("/\\#?") | {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}


class TestKeys:
    """Any text is a key."""

    @given(st.text())
    def test_what_tables_forbids(self, text: str) -> None:
        """A key never holds what Tables forbids, and is never too long."""
        key = table_key(text)
        assert not FORBIDDEN & set(key)
        assert len(key) <= 400

    @given(st.text(), st.text())
    def test_different_texts(self, one: str, other: str) -> None:
        """Different texts have different keys, and the same has the same."""
        assert (table_key(one) == table_key(other)) is (one == other)

    def test_readable_ones(self) -> None:
        """An id stays as it is."""
        assert table_key("0123456789ab-x.y_z:1@2") == "0123456789ab-x.y_z:1@2"


class TestClocks:
    """Instances whose clocks differ."""

    async def test_a_lease_that_just_ended(self, tables: Tables) -> None:
        """Others wait a little longer than the holder's clock says, since theirs may be ahead."""
        stores = table_stores(tables)
        await stores.leases.acquire("contoso", "one", 60)
        stores.clock.advance(60 + CLOCK_SKEW.total_seconds() - 1)
        assert await stores.leases.acquire("contoso", "two", 60) is None

        stores.clock.advance(2)
        assert await stores.leases.acquire("contoso", "two", 60) is not None


class TestTables:
    """Tables that come and go."""

    async def test_a_table_that_is_made_twice(self, account: StorageAccount) -> None:
        """Two instances that find no table both write."""
        instances = [Tables(account) for _ in range(4)]
        results = await asyncio.gather(
            *(table_stores(tables).deliveries.begin(f"d{number}", NOON) for number, tables in enumerate(instances))
        )
        for tables in instances:
            await tables.aclose()
        assert len(results) == 4

    async def test_reads_make_no_table(self, tables: Tables, account: StorageAccount) -> None:
        """What is only read is not made."""
        stores = table_stores(tables)
        assert await stores.payloads.get("p1") is None
        assert [i async for i in stores.incidents.newest(10)] == []

        async with TableServiceClient.from_connection_string(account.connection_string or "") as client:
            assert [table.name async for table in client.list_tables()] == []

    async def test_many_pages(self, tables: Tables) -> None:
        """More incidents than one page holds are all found, newest first."""
        stores = table_stores(tables)
        wanted = [incident(f"docker.io/library/r{number}") for number in range(1100)]
        for start in range(0, len(wanted), 10):
            await asyncio.gather(*(stores.incidents.insert(one) for one in wanted[start : start + 10]))

        assert len([s async for s in stores.incidents.of_registry(REGISTRY, active_only=True)]) == 1100
        assert len([i async for i in stores.incidents.newest(2)]) == 2

    async def test_a_record_of_another_version(self, tables: Tables, account: StorageAccount) -> None:
        """A record that can't be read says which, and is left out of lists: its registry has others."""
        stores = table_stores(tables)
        stored = await stores.incidents.insert(incident())
        other = await stores.incidents.insert(incident("docker.io/library/redis"))
        partition, row = stored.value.id.split("-")
        async with TableServiceClient.from_connection_string(account.connection_string or "") as client:
            entity = {"PartitionKey": partition, "RowKey": row, "record0": '{"id": 7}', "state": "detected"}
            await client.get_table_client("incidents").update_entity(entity)

        with pytest.raises(RecordUnreadable) as caught:
            await stores.incidents.get(stored.value.id)
        assert f"{partition}/{row}" in str(caught.value)
        for active_only in (True, False):
            listed = stores.incidents.of_registry(REGISTRY, active_only=active_only)
            assert [one.value async for one in listed] == [other.value]
        assert [one async for one in stores.incidents.newest(10)] == [other.value]

    async def test_a_payload_that_is_too_large(self, tables: Tables) -> None:
        """A payload that does not fit is refused before it is sent."""
        with pytest.raises(PayloadTooLarge):
            await table_stores(tables).payloads.put("p1", b"x" * (LARGEST_PAYLOAD + 1))

    async def test_what_a_person_sees(self, tables: Tables, account: StorageAccount) -> None:
        """State and last change are columns, and the record is JSON that Storage Explorer shows."""
        await table_stores(tables).incidents.insert(incident())
        async with TableServiceClient.from_connection_string(account.connection_string or "") as client:
            [entity] = [one async for one in client.get_table_client("incidents").list_entities()]

        assert (entity["state"], entity["updated_at"]) == ("detected", NOON)
        assert entity["record0"].startswith('{"id":"')


def test_the_account_hides_its_key() -> None:
    """A storage account's text never shows its connection string."""
    account = StorageAccount(connection_string="AccountName=a;AccountKey=c2VjcmV0")
    assert "c2VjcmV0" not in f"{account} {account!r}"
