"""The looks at Docker Hub's pull limit: how many, with which login, and what people are told."""

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from shared.application.chores import Chore
from shared.application.custody import Custody
from shared.application.headroom import ANONYMOUS
from shared.application.remembering import watch_of
from shared.application.rotation_ports import Login
from shared.domain.headroom import Reading
from shared.domain.notice_kinds import NoticeKind
from tests.fakes.clock import ManualClock
from tests.fakes.credentials import FakeHub, MemorySamples
from tests.fakes.fuse import Fuse
from tests.fakes.rotation import RotatingApplication


def chore(world: RotatingApplication, name: str) -> Chore:
    """The chore of that name."""
    [found] = [one for one in world.app.chores if one.name == name]
    return found


class TestHeadroom:
    """A chore that costs little."""

    async def test_the_windows_in_turn(self) -> None:
        """The address's and the account's, as often as the chore is run."""
        world = RotatingApplication()
        headroom = chore(world, "headroom")
        for _ in range(3):
            await headroom.run()
            world.clock.advance(headroom.every_s)

        assert world.hub.probes.count(None) == 3
        assert len(world.hub.probes) == 6

    @pytest.mark.parametrize("slow_run", range(4))
    async def test_at_most_six_in_any_hour(self, slow_run: int) -> None:
        """Wherever it begins, and also when a run stood still for as long as a chore may before it looked."""
        world = RotatingApplication()
        world.hub = hub = TimedHub(world.clock, world.fuse)
        world.samples = samples = SlowSamples(world.clock, slow_run)
        app = world.another()
        for _ in range(4 * 60):
            await app.sweep.run()
            world.clock.advance(60 - world.clock.now().second)

        assert samples.runs > 8
        assert len(hub.looks) > 16
        most = max(sum(start <= at <= start + timedelta(hours=1) for at in hub.looks) for start in hub.looks)
        assert most == 6

    async def test_the_whole_sweep_keeps_to_six_an_hour(self) -> None:
        """Also while ACR calls a good credential bad at each run: a look at the limit is a test as well."""
        world = RotatingApplication()
        world.registries.blind = True
        for _ in range(60):
            await world.app.sweep.run()
            world.clock.advance(60)

        assert len(world.hub.probes) == 6

    async def test_told_before_it_is_empty(self) -> None:
        """One notice per window and six hours, with whose window it is."""
        world = RotatingApplication()
        headroom = chore(world, "headroom")
        for left in (150, 100, 60, 30):
            world.hub.reading = Reading(at=world.clock.now(), limit=200, remaining=left, window_s=21600)
            await headroom.run()
            world.clock.advance(headroom.every_s)
        notices = await world.told()

        assert [notice.kind for notice in notices] == [NoticeKind.HEADROOM_LOW] * 2
        assert {notice.facts["window"] for notice in notices} == {"the app's own address", "the account of hub"}

    async def test_exhausted(self) -> None:
        """An empty window is critical."""
        world = RotatingApplication()
        world.hub.reading = msgspec.structs.replace(world.hub.reading, remaining=0)
        await chore(world, "headroom").run()

        assert {notice.kind for notice in await world.told()} == {NoticeKind.HEADROOM_EXHAUSTED}

    async def test_unlimited(self) -> None:
        """Without headers nobody is told anything, and nothing is zero."""
        world = RotatingApplication()
        world.hub.reading = Reading(at=world.clock.now())
        await chore(world, "headroom").run()

        assert await world.told() == []
        report = await world.app.rotation_requests.show("hub")
        assert report.headroom is not None
        assert report.headroom.reading.remaining is None

    async def test_what_another_instance_learns_during_a_look(self) -> None:
        """An owner's password that is refused meanwhile stays known as refused, and is not tried again."""
        world = RotatingApplication()
        world.vaults.put("dockerhub-owner", "wrong")
        await asyncio.gather(chore(world, "headroom").run(), chore(world, "capabilities").run())
        world.clock.advance(timedelta(days=2).total_seconds())
        await chore(world, "capabilities").run()

        assert world.hub.bad_logins["contosobot"] == 1
        live = await Custody(vaults=world.vaults, hub=world.hub).live(world.credential)
        assert (await watch_of(world.rotations, "hub")).accepted == live.version

    async def test_a_refused_login(self) -> None:
        """It is not tried again: each would count towards the lock of the name."""
        world = RotatingApplication()
        world.hub.listed["contosobot"].clear()
        for _ in range(20):
            await chore(world, "headroom").run()
            world.clock.advance(timedelta(minutes=20).total_seconds())

        assert world.hub.bad_logins["contosobot"] == 1


class TimedHub(FakeHub):
    """Docker Hub, which remembers when it was looked at."""

    def __init__(self, clock: ManualClock, fuse: Fuse) -> None:
        super().__init__(clock, fuse)
        self.looks: list[datetime] = []
        self._now = clock.now

    async def probe(self, login: Login | None) -> Reading:
        """Remember, and answer everybody."""
        self.looks.append(self._now())
        return self.reading


class SlowSamples(MemorySamples):
    """Samples that keep one run waiting for as long as a chore may take."""

    def __init__(self, clock: ManualClock, slow_run: int) -> None:
        super().__init__(clock)
        self.runs = 0
        self._manual, self._slow_run = clock, slow_run

    async def recent(self, window: str, since: datetime) -> tuple[Reading, ...]:
        """Late, at the first question of that run."""
        if window == ANONYMOUS and self._manual.now() - since == timedelta(hours=6):
            if self.runs == self._slow_run:
                self._manual.advance(239)
            self.runs += 1
        return await super().recent(window, since)
