"""The contract of the archive and of the chores' runs: it holds for the fakes and for Azure Tables alike."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.adapters.tables.archive import TableArchive
from shared.adapters.tables.chores import TableChoreRuns
from shared.adapters.tables.client import Tables
from shared.application.ports import OutboxRow
from shared.application.sweep_ports import Archive, ChoreRun, ChoreRuns, Kept
from shared.domain.incidents import IncidentState
from tests.fakes.sweep import MemoryArchive, MemoryChoreRuns
from tests.integration.adapters.builders import NOON, REGISTRY, incident, notice
from tests.integration.adapters.support import Stores, memory_stores, table_stores

SOON = timedelta(minutes=5)


class Kit(msgspec.Struct, frozen=True):
    """Stores, and what prunes them."""

    stores: Stores
    archive: Archive
    runs: ChoreRuns


@pytest.fixture(params=["memory", "tables"])
def kit(request: pytest.FixtureRequest) -> Kit:
    """Once in memory and once on Azure Tables."""
    if request.param == "tables":
        tables: Tables = request.getfixturevalue("tables")
        return Kit(table_stores(tables), TableArchive(tables), TableChoreRuns(tables))
    stores = memory_stores()
    kept = {Kept.INCIDENTS: stores.incidents, Kept.DELIVERIES: stores.deliveries, Kept.NOTICES: stores.outbox}
    return Kit(stores, MemoryArchive(kept), MemoryChoreRuns())  # type: ignore[arg-type]  # the fakes can forget


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

    @pytest.mark.parametrize("what", Kept)
    async def test_nothing_kept_is_nothing_to_forget(self, kit: Kit, what: Kept) -> None:
        """A table that nobody has written to yet is empty."""
        assert await kit.archive.prune(what, datetime.now(UTC), 100) == 0


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
