"""The contract of the incidents: it holds for the fakes and for Azure Tables alike."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from shared.application.ports import Changed, Position
from shared.domain.incidents import Incident, IncidentState
from tests.integration.adapters.builders import NOON, REGISTRY, incident
from tests.integration.adapters.support import Stores


class TestIncidents:
    """Incidents are read as they were written, and nobody overwrites what somebody else changed."""

    async def test_what_was_stored_is_read(self, stores: Stores) -> None:
        """An incident comes back equal, times to the microsecond."""
        stored = await stores.incidents.insert(incident())

        assert stored == await stores.incidents.get(incident().id)
        assert incident() == stored.value

    @pytest.mark.parametrize("unknown", [incident().id, "nothing", "", "a-b", "../x-y", "a#b-c?d/e\\f", "-"])
    async def test_what_is_not_there(self, stores: Stores, unknown: str) -> None:
        """An id that no incident has, of whatever shape, is None and no error."""
        assert await stores.incidents.get(unknown) is None

    async def test_a_second_insert(self, stores: Stores) -> None:
        """An incident that exists is not stored again."""
        await stores.incidents.insert(incident())

        with pytest.raises(Changed):
            await stores.incidents.insert(incident(state=IncidentState.CLOSED))

        found = await stores.incidents.get(incident().id)
        assert found is not None
        assert incident() == found.value

    async def test_a_replacement(self, stores: Stores) -> None:
        """A replaced incident has a new mark, under which it can be replaced again."""
        first = await stores.incidents.insert(incident())
        second = await stores.incidents.replace(first, incident(state=IncidentState.PLANNED))
        third = await stores.incidents.replace(second, incident(state=IncidentState.APPLIED))

        assert third == await stores.incidents.get(incident().id)
        assert len({first.etag, second.etag, third.etag}) == 3

    async def test_a_replacement_of_what_was_changed(self, stores: Stores) -> None:
        """Of two workers that read the same incident, the second to write is told."""
        first = await stores.incidents.insert(incident())
        await stores.incidents.replace(first, incident(state=IncidentState.PLANNED))

        with pytest.raises(Changed):
            await stores.incidents.replace(first, incident(state=IncidentState.FAILED))

    async def test_a_replacement_of_what_is_gone(self, stores: Stores) -> None:
        """A record that does not exist can't be replaced."""
        stored = await stores.incidents.insert(incident())

        with pytest.raises(Changed):
            await stores.incidents.replace(stored, incident("docker.io/library/redis"))

    async def test_many_writers(self, stores: Stores) -> None:
        """Of ten replacements at once exactly one wins."""
        stored = await stores.incidents.insert(incident())
        changes = [msgspec.structs.replace(incident(), failures=number) for number in range(10)]

        results = await asyncio.gather(
            *(stores.incidents.replace(stored, change) for change in changes), return_exceptions=True
        )

        assert sorted(type(result).__name__ for result in results) == ["Changed"] * 9 + ["Stored"]

    async def test_large_ones(self, stores: Stores) -> None:
        """An incident of 60,000 characters, none of them ASCII, is kept, and a shorter one leaves nothing of it."""
        stored = await stores.incidents.insert(msgspec.structs.replace(incident(), detail="🐳é" * 30_000))
        assert stored == await stores.incidents.get(incident().id)

        shorter = await stores.incidents.replace(stored, incident())
        assert shorter == await stores.incidents.get(incident().id)

    async def test_of_a_registry(self, stores: Stores) -> None:
        """A registry's incidents are found whatever the case of its id, and no other registry's."""
        mine = {incident(f"docker.io/library/r{number}").id for number in range(5)}
        for number in range(5):
            await stores.incidents.insert(incident(f"docker.io/library/r{number}"))
        await stores.incidents.insert(incident(registry=REGISTRY + "2"))

        found = [s async for s in stores.incidents.of_registry(REGISTRY.upper(), active_only=False)]
        assert mine == {stored.value.id for stored in found}
        assert [await stores.incidents.get(stored.value.id) for stored in found] == found

    async def test_active_ones(self, stores: Stores) -> None:
        """Only what a worker still has something to do for is active."""
        for state in IncidentState:
            await stores.incidents.insert(incident(f"docker.io/library/{state.replace('_', '-')}", state=state))

        found = stores.incidents.of_registry(REGISTRY, active_only=True)
        assert {"detected", "planned", "applied"} == {stored.value.state async for stored in found}

    async def test_of_an_unknown_registry(self, stores: Stores) -> None:
        """A registry without incidents has none."""
        assert [stored async for stored in stores.incidents.of_registry(REGISTRY, active_only=True)] == []

    async def test_newest(self, stores: Stores) -> None:
        """The latest changes come first, across registries, and no more than asked for."""
        for number, minutes in enumerate([5, 1, 4, 2, 3]):
            at = NOON + timedelta(minutes=minutes)
            await stores.incidents.insert(incident(registry=f"{REGISTRY}{number}", updated_at=at))

        newest = [found.updated_at.minute async for found in stores.incidents.newest(3)]
        assert newest == [5, 4, 3]
        assert [found async for found in stores.incidents.newest(0)] == []

    async def test_pages(self, stores: Stores) -> None:
        """Pages follow each other without a gap or a repetition, also where times are the same."""
        times = [NOON + timedelta(minutes=minutes) for minutes in (3, 1, 1, 1, 2)]
        for number, at in enumerate(times):
            await stores.incidents.insert(incident(registry=f"{REGISTRY}{number}", updated_at=at))

        everything = [found async for found in stores.incidents.newest(10)]
        paged, place = list[Incident](), None
        while page := [found async for found in stores.incidents.newest(2, before=place)]:
            paged += page
            place = Position(page[-1].updated_at, page[-1].id)

        assert everything == paged
        assert len(paged) == 5

    async def test_filters(self, stores: Stores) -> None:
        """By state and by a part of the repository's name, both at once, and counted by state."""
        for name, state in (
            ("nginx", "failed"),
            ("nginx-exporter", "verified"),
            ("redis", "failed"),
            ("php", "blocked"),
        ):
            await stores.incidents.insert(incident(f"docker.io/library/{name}", state=IncidentState(state)))

        failed = frozenset({IncidentState.FAILED, IncidentState.BLOCKED})
        found = [each.source async for each in stores.incidents.newest(9, states=failed, naming="nginx")]
        assert found == ["docker.io/library/nginx"]
        assert len([each async for each in stores.incidents.newest(9, states=failed)]) == 3
        assert await stores.incidents.counts() == {"failed": 2, "blocked": 1, "verified": 1}
