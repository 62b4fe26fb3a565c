"""The contract of the archive and of the chores' runs: it holds for the fakes and for Azure Tables alike."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

import shared.adapters.tables as stores_on_tables
from sandbox.frame.faults import FaultRule
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.archive import BOUNDED, PRUNED, TableArchive
from shared.adapters.tables.chores import TableChoreRuns
from shared.adapters.tables.client import Table, Tables
from shared.adapters.tables.deliveries import TableDeliveries
from shared.adapters.tables.leases import TableLeases
from shared.adapters.tables.rotations import TableRotations, TableSamples
from shared.application.outbox_ports import OutboxRow
from shared.application.retention import Retention
from shared.application.rotation_ports import Rotations, Samples
from shared.application.sweep_ports import Archive, ChoreRun, ChoreRuns, Kept
from shared.domain.headroom import Reading
from shared.domain.incidents import IncidentState
from shared.domain.policy_credentials import Provider
from shared.domain.rotation import Trigger, begin
from shared.errors import PermanentError
from tests.fakes.clock import ManualClock
from tests.fakes.credentials import MemoryRotations, MemorySamples
from tests.fakes.sweep import MemoryArchive, MemoryChoreRuns
from tests.integration.adapters.builders import NOON, REGISTRY, incident, notice
from tests.integration.adapters.support import FaultyStorage, Stores, memory_stores, table_stores

SOON = timedelta(minutes=5)


class Kit(msgspec.Struct, frozen=True):
    """Stores, and what prunes them."""

    stores: Stores
    archive: Archive
    runs: ChoreRuns
    rotations: Rotations
    samples: Samples


@pytest.fixture(params=["memory", "tables"])
def kit(request: pytest.FixtureRequest) -> Kit:
    """Once in memory and once on Azure Tables."""
    if request.param == "tables":
        tables: Tables = request.getfixturevalue("tables")
        runs, rotations, samples = TableChoreRuns(tables), TableRotations(tables), TableSamples(tables)
        return Kit(table_stores(tables), TableArchive(tables), runs, rotations, samples)
    stores, kept_rotations, kept_samples = memory_stores(), MemoryRotations(), MemorySamples()
    kept = {
        Kept.INCIDENTS: stores.incidents,
        Kept.DELIVERIES: stores.deliveries,
        Kept.NOTICES: stores.outbox,
        Kept.ROTATIONS: kept_rotations,
        Kept.HEADROOM: kept_samples,
    }
    archive = MemoryArchive(kept)  # type: ignore[arg-type]  # the fakes can forget
    return Kit(stores, archive, MemoryChoreRuns(), kept_rotations, kept_samples)


class TestPrune:
    """`Archive.prune`."""

    async def test_what_is_young_stays(self, kit: Kit) -> None:
        """The time of the last change counts, not one inside the record."""
        await kit.stores.deliveries.begin("d1", NOON - timedelta(days=900))

        assert await kit.archive.prune(Kept.DELIVERIES, datetime.now(UTC) - SOON, 100) == 0
        assert (await kit.stores.deliveries.begin("d1", NOON)).received_at == NOON - timedelta(days=900)

    async def test_what_is_old_goes(self, kit: Kit) -> None:
        """A delivery that was forgotten is a new one when it comes again."""
        await kit.stores.deliveries.begin("d1", NOON)
        await kit.stores.deliveries.finish("d1", "ignored", "resolved")

        assert await kit.archive.prune(Kept.DELIVERIES, datetime.now(UTC) + SOON, 100) == 1
        assert (await kit.stores.deliveries.begin("d1", NOON)).outcome is None

    async def test_only_so_many_at_once(self, kit: Kit) -> None:
        """The rest comes with the next run."""
        one = notice(incident())
        for number in range(5):
            await kit.stores.outbox.add(OutboxRow(one.subject, f"row-{number}", "topic", one))

        counts = [await kit.archive.prune(Kept.NOTICES, datetime.now(UTC) + SOON, 3) for _ in range(3)]
        assert counts == [3, 2, 0]

    async def test_open_incidents_stay(self, kit: Kit) -> None:
        """Of incidents only the settled ones go, however old."""
        for state in IncidentState:
            await kit.stores.incidents.insert(incident(f"docker.io/library/{state}", state=state))

        await kit.archive.prune(Kept.INCIDENTS, datetime.now(UTC) + SOON, 100)

        left = [stored.value.state async for stored in kit.stores.incidents.of_registry(REGISTRY, active_only=False)]
        assert sorted(left) == ["applied", "awaiting_approval", "detected", "planned"]

    async def test_the_newest_rotation_of_each_credential_stays(self, kit: Kit) -> None:
        """However old: the next one continues its number, and what it wrote is known by it."""
        for credential, numbers in {"hub": (1, 2, 11), "other": (1,)}.items():
            for number in numbers:
                await kit.rotations.insert(begin(credential, number, Provider.PERSONAL, Trigger.PERSON, NOON))

        assert await kit.archive.prune(Kept.ROTATIONS, datetime.now(UTC) + SOON, 100) == 2
        left = [r.id for name in ("hub", "other") async for r in kit.rotations.history(name)]
        assert left == ["hub-11", "other-1"]
        assert await kit.archive.prune(Kept.ROTATIONS, datetime.now(UTC) + SOON, 100) == 0

    async def test_old_readings_go(self, kit: Kit) -> None:
        """Of every window."""
        for window in ("hub", "anonymous"):
            await kit.samples.add(window, Reading(at=NOON, limit=200, remaining=1, window_s=21600))

        assert await kit.archive.prune(Kept.HEADROOM, datetime.now(UTC) - SOON, 100) == 0
        assert await kit.archive.prune(Kept.HEADROOM, datetime.now(UTC) + SOON, 100) == 2
        assert await kit.samples.recent("hub", NOON - SOON) == ()

    @pytest.mark.parametrize("what", Kept)
    async def test_nothing_kept_is_nothing_to_forget(self, kit: Kit, what: Kept) -> None:
        """A table that nobody has written to yet is empty."""
        assert await kit.archive.prune(what, datetime.now(UTC), 100) == 0


class TestTrouble:
    """A record that the storage refuses to delete."""

    async def test_it_keeps_no_other_one(self, faulty_storage: FaultyStorage) -> None:
        """It comes first in every listing, so the rest would stay for ever."""
        tables = Tables(faulty_storage.account)
        deliveries, archive = TableDeliveries(tables), TableArchive(tables)
        for number in range(3):
            await deliveries.begin(f"d{number}", NOON)
        faulty_storage.faults.add(FaultRule(service="storage", method="DELETE", path="d0", status=403))

        with pytest.raises(PermanentError):
            await archive.prune(Kept.DELIVERIES, datetime.now(UTC) + SOON, 100)
        left = (await deliveries.totals()).received
        await tables.aclose()

        assert left == 1


class TestTables:
    """Every table that any store writes to."""

    def test_is_pruned_or_says_why_not(self, account: StorageAccount) -> None:
        """A new table has to be put into one of the two lists, and a kind into the ages."""
        tables = NotingTables(account)
        assert list(stores_of(tables))

        assert tables.named == set(PRUNED.values()) | BOUNDED.keys()
        assert not set(PRUNED.values()) & BOUNDED.keys()
        assert set(PRUNED) == set(Kept) == set(Retention().ages())


class NotingTables(Tables):
    """Tables that note which of them are asked for."""

    def __init__(self, account: StorageAccount) -> None:
        super().__init__(account)
        self.named: set[str] = set()

    def table(self, name: str) -> Table:
        """As ever, noted."""
        self.named.add(name)
        return super().table(name)


def stores_of(tables: Tables) -> Iterator[object]:
    """An instance of every store on tables that there is."""
    for module in pkgutil.iter_modules(stores_on_tables.__path__):
        for kind in vars(importlib.import_module(f"{stores_on_tables.__name__}.{module.name}")).values():
            if (
                isinstance(kind, type)
                and kind.__name__.startswith("Table")
                and kind is not Table
                and kind is not Tables
            ):
                yield kind(tables, ManualClock()) if kind is TableLeases else kind(tables)


class TestRuns:
    """`ChoreRuns`."""

    async def test_the_last_run_is_kept(self, kit: Kit) -> None:
        """One per chore."""
        assert await kit.runs.last("tidy") is None
        await kit.runs.record(ChoreRun("tidy", NOON))
        later = ChoreRun("tidy", NOON + SOON, NOON + SOON, "Busy: down")
        await kit.runs.record(later)
        await kit.runs.record(ChoreRun("look", NOON))

        assert await kit.runs.last("tidy") == later
