"""Rows that this version can't read, changed by hand or written by a newer one: each stands for itself alone."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableServiceClient

from shared.adapters.storage import StorageAccount
from shared.adapters.tables.audit import TableAuditRows
from shared.adapters.tables.chores import TableChoreRuns
from shared.adapters.tables.client import Tables
from shared.adapters.tables.outbox import TableOutbox
from shared.adapters.tables.rotations import TableSamples
from shared.application.outbox_ports import OutboxRow
from shared.application.sweep_ports import ChoreRun
from shared.domain.audit import AuditEntry
from shared.domain.headroom import Reading
from tests.integration.adapters.builders import NOON, incident, notice

GARBLED = pytest.mark.parametrize("properties", [{"record0": '{"chore": 7}'}, {"record0": 7}, {}])


async def garble(account: StorageAccount, table: str, properties: Mapping[str, str | int]) -> None:
    """Change the first row of a table by hand."""
    async with TableServiceClient.from_connection_string(account.connection_string or "") as service:
        client = service.get_table_client(table)
        first = await anext(aiter(client.list_entities()))
        keys = {"PartitionKey": first["PartitionKey"], "RowKey": first["RowKey"]}
        await client.update_entity({**keys, **properties}, mode=UpdateMode.REPLACE)


class TestUnreadableRows:
    """What nobody can read."""

    @GARBLED
    async def test_an_audit_entry_hides_no_other(
        self, properties: Mapping[str, str | int], tables: Tables, account: StorageAccount
    ) -> None:
        """The trail is exported without it."""
        rows = TableAuditRows(tables)
        first = AuditEntry("c1", NOON, "policy", "why", "create_cache_rule", "r", None, None)
        second = msgspec.structs.replace(first, change="c2", at=NOON + timedelta(seconds=1))
        for entry in (first, second):
            await rows.add(entry)
        await garble(account, "audit", properties)

        assert [entry async for entry in rows.of_day(NOON.date())] == [second]

    @GARBLED
    async def test_a_look_at_the_pull_limit_hides_no_other(
        self, properties: Mapping[str, str | int], tables: Tables, account: StorageAccount
    ) -> None:
        """The outlook is made from what is left."""
        samples, first = TableSamples(tables), Reading(at=NOON)
        second = Reading(at=NOON + timedelta(seconds=1))
        for reading in (first, second):
            await samples.add("anonymous", reading)
        await garble(account, "headroom", properties)

        assert await samples.recent("anonymous", NOON) == (second,)

    @GARBLED
    async def test_a_notice_hides_no_other(
        self, properties: Mapping[str, str | int], tables: Tables, account: StorageAccount
    ) -> None:
        """An incident's page shows the others."""
        outbox, first = TableOutbox(tables), OutboxRow("incidents/i1", "n1-topic", "topic", notice(incident()))
        second = msgspec.structs.replace(first, row=f"{first.row}-again")
        for row in (first, second):
            await outbox.add(row)
        await garble(account, "outbox", properties)

        assert [row async for row in outbox.about(first.subject)] == [second]

    @GARBLED
    async def test_a_chores_last_run_is_none(
        self, properties: Mapping[str, str | int], tables: Tables, account: StorageAccount
    ) -> None:
        """The chore is due, and its next run takes the row's place."""
        runs, run = TableChoreRuns(tables), ChoreRun("retention", NOON)
        await runs.record(run)
        await garble(account, "chores", properties)

        assert await runs.last("retention") is None
        await runs.record(run)
        assert await runs.last("retention") == run
