"""The contract of dead letters, drift, audit rows and arrivals: it holds for the fakes and for Azure Tables alike."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from azure.data.tables.aio import TableServiceClient

from shared.adapters.storage import StorageAccount
from shared.adapters.tables.audit import TableAuditRows
from shared.adapters.tables.client import Tables
from shared.adapters.tables.dead_letters import TableLetters
from shared.adapters.tables.drift import TableDriftRecords
from shared.adapters.tables.sessions import TableSessions
from shared.application.audit_ports import AuditRows
from shared.application.dead_letter_ports import Letters
from shared.application.delivery_ports import Totals
from shared.application.event_ports import DriftRecords
from shared.application.ports import Changed, Position
from shared.application.sessions import Session, Sessions
from shared.domain.audit import AuditEntry, Result
from shared.domain.dead_letters import Failure, failed, given_up, new_letter
from shared.domain.drift import Change, DriftRecord
from tests.fakes.audit import MemoryAuditRows
from tests.fakes.events import MemoryDriftRecords, MemoryLetters
from tests.fakes.stores import MemorySessions
from tests.integration.adapters.builders import NOON
from tests.integration.adapters.support import Stores


class Kit(msgspec.Struct, frozen=True):
    """The stores under test."""

    letters: Letters
    drift: DriftRecords
    audit: AuditRows
    sessions: Sessions


@pytest.fixture(params=["memory", "tables"])
def kit(request: pytest.FixtureRequest) -> Kit:
    """Once in memory and once on Azure Tables."""
    if request.param == "memory":
        return Kit(MemoryLetters(), MemoryDriftRecords(), MemoryAuditRows(), MemorySessions())
    tables: Tables = request.getfixturevalue("tables")
    return Kit(TableLetters(tables), TableDriftRecords(tables), TableAuditRows(tables), TableSessions(tables))


class TestLetters:
    """`Letters`."""

    async def test_a_letter_comes_back_as_it_was(self, kit: Kit) -> None:
        """Bytes, errors and all."""
        begun = failed(new_letter("remediations", b"\x00\xff" * 20_000, NOON), Failure(NOON, 1, "Busy", "it is busy"))
        letter = given_up(begun, NOON)
        await kit.letters.insert(letter)

        stored = await kit.letters.get(letter.id)
        assert stored is not None
        assert stored.value == letter
        assert [letter] == [each async for each in kit.letters.newest(9)]

    async def test_two_writers(self, kit: Kit) -> None:
        """The second has to read again."""
        letter = new_letter("remediations", b"m", NOON)
        await kit.letters.insert(letter)
        stored = await kit.letters.get(letter.id)
        assert stored is not None

        await kit.letters.replace(stored, given_up(letter, NOON))
        with pytest.raises(Changed):
            await kit.letters.replace(stored, letter)
        with pytest.raises(Changed):
            await kit.letters.insert(letter)

    async def test_none(self, kit: Kit) -> None:
        """Nobody has written yet."""
        assert await kit.letters.get("x") is None
        assert [each async for each in kit.letters.newest(9)] == []

    async def test_pages(self, kit: Kit) -> None:
        """The latest come first, a page begins behind a place, and what was not given up is left out."""
        letters = [
            given_up(new_letter("remediations", bytes([at]), NOON), NOON + timedelta(minutes=at)) for at in range(5)
        ]
        for letter in (*letters, new_letter("remediations", b"still tried", NOON)):
            await kit.letters.insert(letter)

        first = [each async for each in kit.letters.newest(2)]
        place = Position(first[-1].updated_at, first[-1].id)
        assert first == letters[:2:-1]
        assert [each async for each in kit.letters.newest(9, before=place)] == letters[2::-1]


class TestSessions:
    """`Sessions`."""

    async def test_a_session(self, kit: Kit) -> None:
        """Kept until it is removed; one that is not there is none, and removing it is no error."""
        session = Session("d1", NOON)
        assert await kit.sessions.get("d1") is None
        await kit.sessions.add(session)
        assert session == await kit.sessions.get("d1")

        for _ in range(2):
            await kit.sessions.remove("d1")
        assert await kit.sessions.get("d1") is None


class TestDriftRecords:
    """`DriftRecords`."""

    async def test_a_record(self, kit: Kit) -> None:
        """Inserted, read, replaced under its ETag."""
        record = DriftRecord("abc-cacheRules-x").with_change(Change("d1", "anna", NOON))
        assert await kit.drift.get(record.resource) is None
        await kit.drift.insert(record)
        stored = await kit.drift.get(record.resource)
        assert stored is not None
        assert stored.value == record

        await kit.drift.replace(stored, record.with_change(Change("d2", "anna", NOON)))
        with pytest.raises(Changed):
            await kit.drift.replace(stored, record)
        with pytest.raises(Changed):
            await kit.drift.insert(record)


class TestAuditRows:
    """`AuditRows`."""

    async def test_a_days_entries_in_order(self, kit: Kit) -> None:
        """Those of other days are left out, and two at the same moment are both kept."""
        entry = AuditEntry("c1", NOON, "policy", "why", "create_cache_rule", "r", None, {"name": "x"})
        later = msgspec.structs.replace(entry, at=NOON + timedelta(seconds=1), result=Result.DONE, seconds=1.0)
        tomorrow = msgspec.structs.replace(entry, at=NOON + timedelta(days=1))
        for each in (later, tomorrow, entry, entry):
            await kit.audit.add(each)

        assert [entry, entry, later] == [each async for each in kit.audit.of_day(NOON.date())]

    async def test_thousands_of_entries_of_a_day(self, tables: Tables, account: StorageAccount) -> None:
        """The service lists them in pages of a thousand: each is there once, in order, and the next day's is not."""
        rows, entry = (
            TableAuditRows(tables),
            AuditEntry("c", NOON, "policy", "why", "create_cache_rule", "r", None, None),
        )
        await rows.add(msgspec.structs.replace(entry, at=NOON + timedelta(days=1)))
        async with TableServiceClient.from_connection_string(account.connection_string or "") as service:
            client = service.get_table_client("audit")
            for first in range(0, 2500, 100):
                changes = (msgspec.structs.replace(entry, change=f"c{number}") for number in range(first, first + 100))
                written = [
                    {
                        "PartitionKey": NOON.date().isoformat(),
                        "RowKey": f"12:00:00.{first + number:06}",
                        "record0": msgspec.json.encode(change).decode(),
                    }
                    for number, change in enumerate(changes)
                ]
                await client.submit_transaction([("create", row) for row in written])

        assert [each.change async for each in rows.of_day(NOON.date())] == [f"c{number}" for number in range(2500)]


class TestArrivals:
    """`Deliveries.arrived` and `totals`."""

    async def test_none(self, stores: Stores) -> None:
        """Nothing has arrived yet."""
        assert Totals(0, 0, {}, {}) == await stores.deliveries.totals()

    async def test_many_at_once(self, stores: Stores) -> None:
        """Twenty arrivals of one delivery are one and nineteen duplicates, and no write is lost."""
        await asyncio.gather(*(stores.deliveries.arrived("d1", NOON) for _ in range(20)))
        await stores.deliveries.arrived("d2", NOON)
        await stores.deliveries.finish("d2", "ignored", "no_image 2, dns 1", unread=("kube_events", "syslog"))

        expected = Totals(21, 19, {"pending": 1, "ignored": 1}, {"no_image, dns": 1}, {"kube_events": 1, "syslog": 1})
        assert expected == await stores.deliveries.totals()

    async def test_a_delivery_that_is_done_says_so(self, stores: Stores) -> None:
        """Its record is what `begin` shows as well."""
        first = await stores.deliveries.arrived("d1", NOON)
        await stores.deliveries.finish("d1", "incident", "i1")

        again = await stores.deliveries.arrived("d1", NOON)
        assert (first.is_done, again.is_done) == (False, True)
        assert again == await stores.deliveries.begin("d1", NOON)
