"""The contract of rotations and readings: it holds for the fakes and for Azure Tables alike."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from shared.adapters.tables.client import Tables
from shared.adapters.tables.rotations import TableRotations, TableSamples
from shared.application.ports import Changed
from shared.application.remembering import remember, watch_of
from shared.application.rotation_ports import Rotations, Samples, Watch
from shared.domain.headroom import Reading
from shared.domain.policy_credentials import Provider
from shared.domain.rotation import Rotation, RotationState, Trigger, begin, step
from tests.fakes.credentials import MemoryRotations, MemorySamples
from tests.integration.adapters.builders import NOON


@pytest.fixture(params=["memory", "tables"])
def stores(request: pytest.FixtureRequest) -> tuple[Rotations, Samples]:
    """The stores, once in memory and once on Azure Tables."""
    if request.param == "memory":
        return MemoryRotations(), MemorySamples()
    tables: Tables = request.getfixturevalue("tables")
    return TableRotations(tables), TableSamples(tables)


def rotation(number: int, credential: str = "hub") -> Rotation:
    """A rotation that was just begun."""
    return begin(credential, number, Provider.PERSONAL, Trigger.PERSON, NOON)


class TestRotations:
    """A number is given once, and the newest comes first."""

    async def test_the_newest(self, stores: tuple[Rotations, Samples]) -> None:
        """The latest has the highest number, beyond nine too; another credential's is not among them."""
        rotations, _ = stores
        assert await rotations.latest("hub") is None
        for number in (1, 2, 9, 10, 11):
            await rotations.insert(rotation(number))
        await rotations.insert(rotation(99, "other"))

        found = await rotations.latest("hub")
        assert found is not None
        assert found.value == rotation(11)
        assert [r.number async for r in rotations.history("hub")] == [11, 10, 9, 2, 1]

    async def test_begun_once(self, stores: tuple[Rotations, Samples]) -> None:
        """Of many who begin the same one, one does."""
        rotations, _ = stores
        begun = await asyncio.gather(*(rotations.insert(rotation(1)) for _ in range(5)), return_exceptions=True)

        assert sorted(type(one).__name__ for one in begun) == ["Changed"] * 4 + ["Stored"]

    async def test_a_step_is_recorded_once(self, stores: tuple[Rotations, Samples]) -> None:
        """Who read it before can't overwrite what was recorded since."""
        rotations, _ = stores
        read = await rotations.insert(rotation(1))
        moved = step(read.value, RotationState.TESTING, NOON, "made", token_id="t1")
        written = await rotations.replace(read, moved)

        with pytest.raises(Changed):
            await rotations.replace(read, moved)
        assert (await rotations.latest("hub")) == written
        assert written.value == moved

    async def test_the_watch(self, stores: tuple[Rotations, Samples]) -> None:
        """Who read it before can't overwrite what was remembered since, the first time as little as later."""
        rotations, _ = stores
        assert await rotations.watch("hub") is None
        await rotations.save_watch("hub", None, Watch(refused_owner="v1"))
        with pytest.raises(Changed):
            await rotations.save_watch("hub", None, Watch())
        read = await rotations.watch("hub")
        assert read is not None
        await rotations.save_watch("hub", read, Watch(rejected="v2", tested_at=NOON))
        with pytest.raises(Changed):
            await rotations.save_watch("hub", read, Watch())

        assert await watch_of(rotations, "hub") == Watch(rejected="v2", tested_at=NOON)
        assert await rotations.watch("other") is None

    async def test_writers_at_once(self, stores: tuple[Rotations, Samples]) -> None:
        """What several instances learn about one credential at once is all remembered."""
        rotations, _ = stores
        learned: list[dict[str, Any]] = [{"refused_owner": "v1"}, {"why": "x"}, {"accepted": "v2"}, {"tested_at": NOON}]
        await asyncio.gather(*(remember(rotations, "hub", **each) for each in learned))

        assert await watch_of(rotations, "hub") == Watch(refused_owner="v1", why="x", accepted="v2", tested_at=NOON)


class TestSamples:
    """Readings, oldest first."""

    async def test_recent(self, stores: tuple[Rotations, Samples]) -> None:
        """Only those of the window asked for, and not older than asked for."""
        _, samples = stores
        readings = [Reading(at=NOON + timedelta(minutes=20 * n), limit=100, remaining=100 - n) for n in range(4)]
        for reading in reversed(readings):
            await samples.add("hub", reading)
        await samples.add("anonymous", msgspec.structs.replace(readings[0], remaining=None))

        assert await samples.recent("hub", NOON + timedelta(minutes=20)) == tuple(readings[1:])
        assert await samples.recent("none", NOON) == ()
