"""The deep form of the health, asked often and by many: what it costs Azure and Docker Hub, and how long it takes."""

import asyncio

import msgspec
import pytest

from shared.application.doctor.findings import Condition, DoctorReport, Finding, Verdict
from shared.application.doctor.place import Place
from shared.application.doctor.ports import Caller
from shared.application.doctor.rounds import SHARED_FOR, Rounds
from shared.application.rotation_ports import HubUnavailable, Login
from shared.domain.headroom import Reading
from shared.domain.policy_file import load_policy
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import POLICY
from tests.fakes.credentials import FakeHub
from tests.fakes.fuse import Fused
from tests.fakes.rotation import RotatingApplication
from tests.fakes.surroundings import FakeSurroundings

_ASKED = (
    "incidents",
    "queues",
    "registries",
    "content",
    "vault_access",
    "vaults",
    "hub",
    "rotations",
    "samples",
    "logs",
    "surroundings",
    "clock",
)


def token_in(report: DoctorReport) -> Finding:
    """What was found about the token."""
    return next(one for one in report.findings if one.what == "token of hub")


class TestDockerHub:
    """Looks at Docker Hub, of which there are six an hour."""

    async def test_an_hour_of_questions_costs_no_look_more(self, world: RotatingApplication) -> None:
        """One when nothing is known yet; then the sweep's, as ever."""
        for minute in range(60):
            await world.app.sweep.run()
            assert token_in(await world.app.doctor.examine()).verdict is Verdict.OK, minute
            world.clock.advance(60)

        assert len(world.hub.probes) == 6

    async def test_what_nobody_has_looked_at_is_looked_at_once(self, world: RotatingApplication) -> None:
        """By whichever instance: the sweep of a new installation has not run yet."""
        for app in (world.app, world.another()):
            seen = token_in(await app.doctor.examine()).seen
            assert seen == "Docker Hub takes it; 150 of 200 pulls are left"
            world.clock.advance(60)

        assert len(world.hub.probes) == 1

    async def test_a_refused_login_is_not_tried_again(self, world: RotatingApplication) -> None:
        """Each would count towards the lock of the name."""
        world.vaults.put("dockerhub-token", "revoked")
        for _ in range(5):
            assert token_in(await world.app.doctor.examine()).verdict is Verdict.FAILING
            world.clock.advance(3600)

        assert world.hub.bad_logins["contosobot"] == 1

    async def test_a_new_version_is_looked_at(self, world: RotatingApplication) -> None:
        """What was said of the one before says nothing about it."""
        good = world.vaults.current("dockerhub-token").value
        world.vaults.put("dockerhub-token", "revoked")
        await world.app.doctor.examine()
        world.vaults.put("dockerhub-token", good)
        world.clock.advance(60)

        assert token_in(await world.app.doctor.examine()).verdict is Verdict.OK

    async def test_a_corrected_user_name_is_looked_at(self, world: RotatingApplication) -> None:
        """The token is the one that was refused, the pair is not."""
        world.vaults.put("dockerhub-username", "contosobto")
        assert token_in(await world.app.doctor.examine()).verdict is Verdict.FAILING
        world.vaults.put("dockerhub-username", "contosobot")
        world.clock.advance(3600)

        assert token_in(await world.app.doctor.examine()).verdict is Verdict.OK

    async def test_when_it_does_not_answer_it_is_left_alone(self, world: RotatingApplication) -> None:
        """Another request makes it worse."""
        world.hub = hub = SilentHub(world.clock, world.fuse)
        app = world.another()
        for _ in range(5):
            found = token_in(await app.doctor.examine())
            assert (found.verdict, "hub_down" in found.seen) == (Verdict.FAILING, True)
            world.clock.advance(60)

        assert hub.asked == 1

    async def test_a_person_gets_an_answer_of_the_moment(self, world: RotatingApplication) -> None:
        """Their command is one look, and leaves nothing behind in the app's tables."""
        doctor = world.doctor_at(Place())
        for _ in range(2):
            await doctor.examine()
            world.clock.advance(60)

        assert len(world.hub.probes) == 2
        assert await world.rotations.watch("hub") is None


class TestSharing:
    """Who asks at the same time."""

    async def test_many_at_once_are_one(self, world: RotatingApplication) -> None:
        """Whoever asks meanwhile, or a moment later, gets the same report."""
        reports = await asyncio.gather(*(world.app.doctor.examine() for _ in range(20)))
        reads = world.registries.calls.count("read")
        await world.app.doctor.examine()

        assert len({id(report) for report in reports}) == 1
        assert world.registries.calls.count("read") == reads

        world.clock.advance(SHARED_FOR.total_seconds())
        await world.app.doctor.examine()
        assert world.registries.calls.count("read") == 2 * reads

    async def test_who_hangs_up_stops_no_other(self, world: RotatingApplication) -> None:
        """The next in the queue examines."""
        first = asyncio.create_task(world.app.doctor.examine())
        second = asyncio.create_task(world.app.doctor.examine())
        await asyncio.sleep(0)
        first.cancel()

        assert (await second).condition is Condition.HEALTHY


class TestBudget:
    """Everything outside is in trouble at once."""

    async def test_an_identity_that_hangs_ends_with_the_others(self, world: RotatingApplication) -> None:
        """Its own check says so."""
        world.surroundings = HangingSurroundings(world.clock, "w")
        ports = world.ports()
        report = await Rounds(
            policy=load_policy(POLICY, path="policy.yaml"),
            place=Place(inside=True),
            limit_s=0.05,
            **{name: getattr(ports, name) for name in _ASKED},
        ).examine()

        found = {one.what: one for one in report.findings}
        assert found["identity"].seen == "no answer within 0.05 s"
        assert found["storage"].verdict is Verdict.OK

    @pytest.mark.parametrize(
        "error", [TemporaryError("503"), PermanentError("no", code="AuthorizationFailed"), ValueError("garbage")]
    )
    async def test_everything_in_trouble(self, world: RotatingApplication, error: Exception) -> None:
        """Each finding says what, and none a secret."""
        for port in (world.registries, world.content, world.logs, world.surroundings, world.vault_access, world.queues):
            for call in dir(port):
                port.trouble[call] = [error] * 200

        report = await world.app.doctor.examine()

        assert report.condition is Condition.DEGRADED
        well = {one.what for one in report.findings if one.verdict is Verdict.OK}
        secrets = {f"secret dockerhub-{name} of hub" for name in ("username", "token", "owner")}
        assert well == {"storage", "versions", "token of hub", *secrets}
        told = msgspec.json.encode(report).decode()
        assert "contosobot" not in told
        assert world.vaults.current("dockerhub-token").value not in told


class TestLiveness:
    """`GET /api/health`, which anybody may call as often as they like."""

    async def test_it_costs_one_row(self, world: RotatingApplication) -> None:
        """However many incidents there are; nothing outside the storage is asked."""
        await world.seed()
        ports = world.ports()
        fused = {field: Fused(field, getattr(ports, field), world.fuse) for field in (*_ASKED[:-1], "deliveries")}
        await world.another(ports=msgspec.structs.replace(ports, **fused)).reports.health()

        assert world.fuse.calls == ["incidents.get"]

    async def test_a_storage_that_does_not_answer(self, world: RotatingApplication) -> None:
        """Is trouble for whoever asks."""
        ports = world.ports()
        incidents = Fused("incidents", ports.incidents, world.fuse)
        app = world.another(ports=msgspec.structs.replace(ports, incidents=incidents))
        world.fuse.blow(1, after=False, error=TemporaryError("down"))

        with pytest.raises(TemporaryError):
            await app.reports.health()


class SilentHub(FakeHub):
    """Docker Hub without an answer."""

    asked = 0

    async def probe(self, login: Login | None) -> Reading:
        """None."""
        self.asked += 1
        raise HubUnavailable("no answer", code="hub_down")


class HangingSurroundings(FakeSurroundings):
    """An identity endpoint that accepts and never answers."""

    async def caller(self) -> Caller:
        """Never."""
        await asyncio.Event().wait()
        raise AssertionError
