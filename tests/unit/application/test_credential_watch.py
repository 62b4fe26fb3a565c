"""The watch over credentials: which events and evidence begin a rotation, and which only seem to."""

from datetime import timedelta

import msgspec
import pytest

from shared.application.messages import ROTATIONS, read_rotation
from shared.application.rotating import UnknownCredential
from shared.application.rotation_forecast import Forecast
from shared.application.rotation_ports import Login
from shared.application.rotation_requests import RotationRequestInvalid
from shared.domain.notice_kinds import NoticeKind
from shared.domain.rotation import RotationState, Trigger, due_at
from shared.domain.vault_events import VaultEvent, VaultEventKind
from shared.errors import TemporaryError
from tests.fakes.application import POLICY
from tests.fakes.fuse import Fuse, Fused
from tests.fakes.rotation import ASSISTED_POLICY, FIRST_TEXT, SET, RotatingApplication

REJECTED = (
    'Failed to pull image "nginx:1.27": failed to resolve reference "docker.io/library/nginx:1.27": failed to '
    "authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token: "
    "401 Unauthorized: unauthorized: personal access token is expired"
)
VAULT = "contoso-kv.vault.azure.net"


def event(kind: VaultEventKind, version: str = "", name: str = "dockerhub-token", vault: str = VAULT) -> VaultEvent:
    """An event about a secret of the credential."""
    return VaultEvent(kind, vault, name, version)


async def heard(world: RotatingApplication, happened: VaultEvent) -> str:
    """What the watch did about an event."""
    return await world.app.credential_watch.heard(happened)


class TestEvents:
    """Key Vault's events are hints."""

    @pytest.mark.parametrize("kind", [VaultEventKind.NEAR_EXPIRY, VaultEventKind.EXPIRED])
    async def test_an_end(self, kind: VaultEventKind) -> None:
        """A current version that ends begins a rotation; the same event again begins no second one."""
        world = RotatingApplication()
        version = world.vaults.current("dockerhub-token").version

        assert await heard(world, event(kind, version)) == "started"
        assert await heard(world, event(kind, version)) == "started"
        assert (await world.rotate()).number == 1

    async def test_an_old_version(self) -> None:
        """The end of a version that is not current is old news."""
        world = RotatingApplication()

        assert await heard(world, event(VaultEventKind.EXPIRED, "v0")) == "not_current"
        assert not world.queue.sent

    async def test_our_own_write(self) -> None:
        """What a rotation wrote is announced like anybody's, and begins nothing."""
        world = RotatingApplication()
        await world.app.rotating.start("hub", Trigger.PERSON)
        await world.rotate()
        live, staged = (world.vaults.current(name).version for name in ("dockerhub-token", "dockerhub-token-next"))

        for kind in (VaultEventKind.NEW_VERSION, VaultEventKind.NEAR_EXPIRY):
            assert await heard(world, event(kind, live)) == "own_write"
        done = await heard(world, event(VaultEventKind.NEW_VERSION, staged, "dockerhub-token-next"))
        assert done == "disabled"
        assert not world.queue.take(ROTATIONS)

    async def test_a_pasted_token(self) -> None:
        """A person's version of the `-next` secret is promoted, though the policy says that tokens are minted."""
        world = RotatingApplication()
        world.hub.add("contosobot", "by hand too", "dckr_pat_pasted")
        written = world.vaults.put("dockerhub-token-next", "dckr_pat_pasted")
        assert (
            await heard(world, event(VaultEventKind.NEW_VERSION, written.version, "dockerhub-token-next")) == "started"
        )

        assert (await world.rotate()).state is RotationState.SUCCEEDED
        assert world.vaults.current("dockerhub-token").value == "dckr_pat_pasted"

    async def test_somebodys_write_that_does_not_work(self) -> None:
        """People are told once; nothing is rotated over their heads, and Docker Hub is asked once."""
        world = RotatingApplication()
        written = world.vaults.put("dockerhub-token", "dckr_pat_typo")
        happened = event(VaultEventKind.NEW_VERSION, written.version)

        assert [await heard(world, happened) for _ in range(3)] == ["refused", "tested_before", "tested_before"]
        assert [notice.kind for notice in await world.told()] == [NoticeKind.ROTATION_ACTION_NEEDED]
        assert await world.app.rotating.latest("hub") is None

    async def test_a_user_name_that_is_corrected(self) -> None:
        """The token was refused with another name: the pair is a new one, and is tested at once."""
        world = RotatingApplication()
        wrong = world.vaults.put("dockerhub-username", "contosobto")
        assert await heard(world, event(VaultEventKind.NEW_VERSION, wrong.version, "dockerhub-username")) == "refused"
        right = world.vaults.put("dockerhub-username", "contosobot")

        assert await heard(world, event(VaultEventKind.NEW_VERSION, right.version, "dockerhub-username")) == "works"

    async def test_a_user_name_that_is_corrected_unheard(self) -> None:
        """Its event may be late or lost: the verdict on the pair before stops no look at this one."""
        world = RotatingApplication()
        wrong = world.vaults.put("dockerhub-username", "contosobto")
        await heard(world, event(VaultEventKind.NEW_VERSION, wrong.version, "dockerhub-username"))
        world.vaults.put("dockerhub-username", "contosobot")
        [headroom] = [chore for chore in world.app.chores if chore.name == "headroom"]
        await headroom.run()

        assert world.hub.accepts(world.hub.probes[-1] or Login("", ""))

    async def test_anothers_vault(self) -> None:
        """A secret of the same name in another vault is nobody's business."""
        world = RotatingApplication()

        assert await heard(world, event(VaultEventKind.EXPIRED, vault="evil.vault.azure.net")) == "not_ours"
        assert not world.hub.probes


class TestEvidence:
    """Others' word is tested before it is believed."""

    async def test_called_bad_and_good(self) -> None:
        """ACR calls it bad, Docker Hub accepts it: people are told, nothing is rotated."""
        world = RotatingApplication()
        world.registries.blind = True
        await world.app.credential_watch.run()

        [notice] = await world.told()
        assert (notice.kind, notice.reason) == (NoticeKind.ROTATION_ACTION_NEEDED, "blamed_wrongly")
        assert await world.app.rotating.latest("hub") is None

    async def test_called_bad_and_bad(self) -> None:
        """A token that was revoked is replaced; it is tested once."""
        world = RotatingApplication()
        await world.seed()
        world.hub.listed["contosobot"].clear()
        await world.app.credential_watch.run()

        assert (await world.rotate()).state is RotationState.SUCCEEDED
        assert world.hub.accepts(world.registries.login_of(world.registries.sets[SET]))
        assert world.hub.bad_logins["contosobot"] == 1


class TestRefused:
    """Docker Hub has refused the login."""

    @pytest.mark.parametrize("why", [Trigger.REJECTED, Trigger.PERSON])
    async def test_trouble_costs_no_further_test(self, why: Trigger) -> None:
        """Each would count towards the lock of the name; people are told when the trouble is over."""
        policy, fuse = POLICY.replace("mode: enforce", "mode: observe"), Fuse()
        world = RotatingApplication(policy)
        world.hub.listed["contosobot"].clear()
        ports = world.ports()
        cut_off = msgspec.structs.replace(ports, outbox=Fused("outbox", ports.outbox, fuse))
        watch = world.another(policy, ports=cut_off).credential_watch
        for _ in range(5):
            fuse.blow(1, after=False, error=TemporaryError("busy"))
            with pytest.raises(TemporaryError):
                await watch.suspect("hub", why)
        fuse.mend()

        assert [await watch.suspect("hub", why) for _ in range(2)][1] == "tested_before"
        assert world.hub.bad_logins["contosobot"] == 1
        assert len(await world.told()) == 1


class TestMissing:
    """A live secret that is gone."""

    async def test_people_are_told(self) -> None:
        """Once a day, with what recovers it; nothing is recovered on our own account."""
        world = RotatingApplication()
        world.vaults.delete("dockerhub-token")
        await world.app.credential_watch.run()
        await world.app.credential_watch.run()

        [notice] = await world.told()
        assert notice.reason == "secret_missing"
        assert "cachewarden rotate hub" in notice.detail
        assert "--vault-name contoso-kv" in notice.detail
        assert list(world.vaults.deleted) == ["dockerhub-token"]


class TestPulls:
    """Failed pulls that blame the credentials."""

    @pytest.mark.parametrize("revoked", [False, True])
    async def test_tested_first(self, *, revoked: bool) -> None:
        """An alert's evidence has the credential tested; only a refused one is rotated."""
        world = RotatingApplication()
        await world.seed()
        world.failing("nginx:1.27")
        world.logs.rows["KubeEvents"] = [{**row, "Text": REJECTED} for row in world.logs.rows["KubeEvents"]]
        if revoked:
            world.hub.listed["contosobot"].clear()
        await world.alert()
        await world.work()
        for body in world.queue.take(ROTATIONS):
            await world.app.credential_watch.handle(read_rotation(body))
        if revoked:
            await world.rotate()

        assert len(world.hub.probes) >= 1
        found = await world.app.rotating.latest("hub")
        assert (found and found.state) == (RotationState.SUCCEEDED if revoked else None)

    async def test_a_storm_is_one_test(self) -> None:
        """However many alerts blame a token that works; a quarter of an hour later it is tested again."""
        world = RotatingApplication()
        for seconds in (0, 60, 800, 60):
            world.clock.advance(seconds)
            for _ in range(5):
                await world.app.credential_watch.suspect("hub", Trigger.REJECTED)

        assert len(world.hub.probes) == 2


class TestSchedule:
    """Tokens are replaced before they get too old."""

    async def test_due(self) -> None:
        """Nothing before its time, which lies within the last tenth; then one rotation."""
        world = RotatingApplication()
        created = world.vaults.current("dockerhub-token").created_on
        due = due_at(world.credential, created)
        assert timedelta(days=27) <= due - created <= timedelta(days=30)

        world.clock.advance((due - created).total_seconds() - 1)
        await world.app.credential_watch.run()
        assert await world.app.rotating.latest("hub") is None
        world.clock.advance(1)
        await world.app.credential_watch.run()
        await world.app.credential_watch.run()
        assert (await world.rotate()).trigger is Trigger.SCHEDULE

    async def test_observe(self) -> None:
        """Where the policy lets nobody act, people are told that it is due, once a day."""
        world = RotatingApplication(POLICY.replace("mode: enforce", "mode: observe"))
        world.clock.advance(timedelta(days=31).total_seconds())
        await world.app.credential_watch.run()
        await world.app.credential_watch.run()

        [notice] = await world.told()
        assert notice.reason == "rotation_due"
        assert await world.app.rotating.latest("hub") is None

    async def test_a_lost_message(self) -> None:
        """A rotation whose message is lost is taken further all the same."""
        world = RotatingApplication()
        await world.app.rotating.start("hub", Trigger.PERSON)
        world.queue.take(ROTATIONS)
        await world.app.credential_watch.run()

        assert (await world.rotate()).state is RotationState.SUCCEEDED

    async def test_reminders(self) -> None:
        """A person's token: 14, 7, 3 and 1 days before its end, and when it has ended; each once."""
        world = RotatingApplication(ASSISTED_POLICY.replace("grace: 1d", ""))
        world.vaults.put("dockerhub-token", FIRST_TEXT, expires_on=world.clock.now() + timedelta(days=20))
        for _ in range(20 * 4):
            await world.app.credential_watch.run()
            world.clock.advance(timedelta(hours=6).total_seconds())
        summaries = [n.summary for n in await world.told() if n.kind is NoticeKind.ROTATION_REMINDER]

        assert [summary.rpartition("ends in ")[2] for summary in summaries] == ["14 days", "7 days", "3 days", "1 day"]


class TestRequests:
    """What people ask for over HTTP."""

    async def test_a_dry_run(self) -> None:
        """Says what would be done and does nothing."""
        world = RotatingApplication()
        planned = await world.app.rotation_requests.ask("hub", b'{"dry_run": true}')

        assert isinstance(planned, Forecast)
        assert [step.partition(":")[0] for step in planned.steps] == ["create", "test", "publish", "adopt", "retire"]
        assert not world.queue.sent
        assert not world.fuse.calls

    async def test_a_request(self) -> None:
        """Begins a rotation, and its report shows it with its timeline."""
        world = RotatingApplication()
        await world.seed()
        await world.app.rotation_requests.ask("hub", b"")
        await world.rotate()
        report = await world.app.rotation_requests.show("hub")

        assert [rotation.state for rotation in report.rotations] == [RotationState.SUCCEEDED]
        assert report.rotations[0].timeline[0].event == "rotation.started"
        assert FIRST_TEXT not in msgspec.json.encode(report).decode()

    @pytest.mark.parametrize("body", [b"x", b"[]", b'{"now": 1}', b'{"dry_run": "yes"}'])
    async def test_a_body_that_is_none(self, body: bytes) -> None:
        """Is refused, and nothing begins."""
        world = RotatingApplication()
        with pytest.raises(RotationRequestInvalid):
            await world.app.rotation_requests.ask("hub", body)
        assert not world.queue.sent

    async def test_what_can_not_be(self) -> None:
        """An unknown credential is 404; a token that a person made can't be revoked from here."""
        world = RotatingApplication(ASSISTED_POLICY)
        with pytest.raises(UnknownCredential):
            await world.app.rotation_requests.ask("other", b"")
        with pytest.raises(RotationRequestInvalid):
            await world.app.rotation_requests.ask("hub", b'{"revoke_first": true}')
