"""The contract of the stores: what the use cases rely on holds for the fakes and for Azure Tables alike."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.adapters.tables.leases import CLOCK_SKEW
from shared.application.ports import Changed, Delivery, OutboxRow
from shared.domain.incidents import Incident, IncidentState, incident_id
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, notice_of
from tests.integration.adapters.support import Stores

REGISTRY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso"
NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


def incident(
    source: str = "docker.io/library/nginx",
    *,
    registry: str = REGISTRY,
    state: IncidentState = IncidentState.DETECTED,
    updated_at: datetime = NOON,
) -> Incident:
    """An incident of a repository."""
    return Incident(
        id=incident_id(registry, source),
        registry_id=registry,
        source=source,
        state=state,
        opened_at=NOON,
        updated_at=updated_at,
        first_seen=NOON,
        last_seen=NOON,
        active_since=NOON,
        images=(f"{source}:1.27",),
        pull_from={f"{source}:1.27": "contoso.azurecr.io/docker-hub/library/nginx:1.27"},
    )


def notice(of: Incident) -> Notice:
    """A notice about an incident."""
    return notice_of(NoticeKind.INCIDENT_VERIFIED, of, (), NOON)


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


class TestDeliveries:
    """The same delivery twice is one."""

    async def test_a_new_one(self, stores: Stores) -> None:
        """A delivery that was never seen is recorded with the time of its arrival."""
        assert Delivery("d1", NOON) == await stores.deliveries.begin("d1", NOON)

    async def test_again(self, stores: Stores) -> None:
        """The same delivery later keeps its first time."""
        await stores.deliveries.begin("d1", NOON)

        assert Delivery("d1", NOON) == await stores.deliveries.begin("d1", NOON + timedelta(hours=1))
        assert Delivery("d2", NOON) == await stores.deliveries.begin("d2", NOON)

    async def test_many_at_once(self, stores: Stores) -> None:
        """Ten at once are one record."""
        times = [NOON + timedelta(seconds=number) for number in range(10)]

        begun = await asyncio.gather(*(stores.deliveries.begin("d1", at) for at in times))
        assert len(set(begun)) == 1

    async def test_its_outcome(self, stores: Stores) -> None:
        """A finished delivery says what came of it."""
        await stores.deliveries.begin("d1", NOON)
        await stores.deliveries.finish("d1", "ignored", "resolved")

        assert Delivery("d1", NOON, "ignored", "resolved") == await stores.deliveries.begin("d1", NOON)

    async def test_an_outcome_without_a_beginning(self, stores: Stores) -> None:
        """The outcome of a delivery whose record was cleaned away is kept all the same."""
        await stores.deliveries.finish("d1", "incident", "3 images")

        found = await stores.deliveries.begin("d1", NOON)
        assert (found.outcome, found.summary) == ("incident", "3 images")


class TestPayloads:
    """Payloads are kept byte for byte."""

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 262_144, 768_000])
    async def test_sizes(self, stores: Stores, size: int) -> None:
        """Every size up to the largest comes back as it was."""
        body = bytes(number % 251 for number in range(size))
        await stores.payloads.put("p1", body)

        assert body == await stores.payloads.get("p1")

    async def test_a_replacement(self, stores: Stores) -> None:
        """A shorter payload under the same key leaves nothing of the longer one."""
        await stores.payloads.put("p1", b"x" * 200_000)
        await stores.payloads.put("p1", b"y")

        assert await stores.payloads.get("p1") == b"y"

    async def test_gone(self, stores: Stores) -> None:
        """A deleted payload, and one that never was, is None; deleting it again is no error."""
        await stores.payloads.delete("p1")
        await stores.payloads.put("p1", b"x")
        await stores.payloads.delete("p1")
        await stores.payloads.delete("p1")

        assert await stores.payloads.get("p1") is None


class TestOutbox:
    """Notices wait for their channel, each once."""

    async def test_added_once(self, stores: Stores) -> None:
        """A row that is there stays as it is."""
        row = OutboxRow(incident().id, "n1-topic", "topic", notice(incident()))
        await stores.outbox.add(row)
        await stores.outbox.add(msgspec.structs.replace(row, attempts=7))

        found = await stores.outbox.get(row.incident_id, row.row)
        assert found is not None
        assert row == found.value

    async def test_replaced(self, stores: Stores) -> None:
        """A sent row says when, and who read it before can't overwrite that."""
        row = OutboxRow(incident().id, "n1-topic", "topic", notice(incident()))
        await stores.outbox.add(row)
        read = await stores.outbox.get(row.incident_id, row.row)
        assert read is not None
        sent = msgspec.structs.replace(row, sent_at=NOON, attempts=1)
        await stores.outbox.replace(read, sent)

        with pytest.raises(Changed):
            await stores.outbox.replace(read, row)
        assert [sent] == [found async for found in stores.outbox.of_incident(row.incident_id)]

    async def test_of_an_incident(self, stores: Stores) -> None:
        """An incident's rows are its own, and a channel's name may hold any character."""
        rows = [
            OutboxRow(incident().id, f"n1-{name}", name, notice(incident())) for name in ("topic", "a/b#c?d\\e", "ü")
        ]
        for row in rows:
            await stores.outbox.add(row)
        other = incident("docker.io/library/redis")
        await stores.outbox.add(OutboxRow(other.id, "n1-topic", "topic", notice(other)))

        found = [row async for row in stores.outbox.of_incident(incident().id)]
        assert sorted(rows, key=lambda row: row.row) == sorted(found, key=lambda row: row.row)

    async def test_nothing(self, stores: Stores) -> None:
        """An unknown row is None, an unknown incident has none."""
        assert await stores.outbox.get("i", "r") is None
        assert [row async for row in stores.outbox.of_incident("i")] == []
