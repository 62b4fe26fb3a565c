"""Whether tokens can be minted at all, found out before one ends."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import msgspec
import pytest

from shared.application.remembering import remember, watch_of
from shared.domain.rotation import HubToken, RotationState, Trigger
from shared.errors import TemporaryError
from tests.fakes.application import POLICY
from tests.fakes.credentials import PASSWORD
from tests.fakes.fuse import Fuse, Fused, Killed
from tests.fakes.rotation import ASSISTED_POLICY, ORGANIZATION_POLICY, RotatingApplication


async def check(world: RotatingApplication) -> list[tuple[str | None, bool]]:
    """What people were told: the reason, and whether it says what a person does."""
    [chore] = [one for one in world.app.chores if one.name == "capabilities"]
    await chore.run()
    return [(notice.reason, "-next" in notice.detail) for notice in await world.told()]


def restarted(world: RotatingApplication) -> None:
    """The app begins anew, on the same stores."""
    world.app = world.another(world.policy)


class TestCapability:
    """In the first sweep of a process, and quiet when all is well."""

    async def test_restarts_ask_nothing(self) -> None:
        """Docker Hub is asked again when the secret, the policy or the day is another one, and not before."""
        world = RotatingApplication()
        asked = []
        for change in (None, None, lambda: world.vaults.put("dockerhub-owner", PASSWORD), None):
            if change:
                change()
            restarted(world)
            await check(world)
            asked.append(world.fuse.calls.count("hub.tokens"))
        world.clock.advance(timedelta(days=1).total_seconds())
        await check(world)

        assert [*asked, world.fuse.calls.count("hub.tokens")] == [1, 1, 2, 2, 3]

    async def test_a_running_process(self) -> None:
        """Looks at the secret's version every five minutes."""
        world = RotatingApplication()
        await check(world)
        world.vaults.put("dockerhub-owner", "wrong")
        assert await check(world) == []
        world.clock.advance(timedelta(minutes=5).total_seconds())
        assert await check(world) == [("owner_login_refused", True)]

    async def test_what_is_known_is_shown(self) -> None:
        """The report and the dry run say what keeps tokens from being minted."""
        world = RotatingApplication()
        world.vaults.put("dockerhub-owner", "wrong")
        await check(world)
        report, plan = await world.app.rotation_requests.show("hub"), await world.app.rotating.plan("hub")

        assert (report.cannot, report.checked_at) == ("owner_login_refused", world.clock.now())
        assert (plan.fallback, plan.steps[0].partition(":")[0]) == ("owner_login_refused", "wait")

    async def test_no_secret(self) -> None:
        """An owner's secret that nobody wrote is told; once it is there, a rotation that waits goes on."""
        world = RotatingApplication()
        await world.seed()
        world.vaults.delete("dockerhub-owner")
        world.vaults.deleted.clear()
        assert await check(world) == [("owner_secret_missing", True)]
        await world.app.rotating.start("hub", Trigger.SCHEDULE)
        assert (await world.rotate()).fallback == "owner_secret_missing"
        await world.app.rotating.look_at("hub")
        assert (await world.rotate()).state is RotationState.WAITING

        world.vaults.put("dockerhub-owner", PASSWORD)
        await world.app.rotating.look_at("hub")
        assert (await world.rotate()).state is RotationState.SUCCEEDED

    @pytest.mark.parametrize("policy", [POLICY, ORGANIZATION_POLICY, ASSISTED_POLICY])
    async def test_all_is_well(self, policy: str) -> None:
        """Nobody is told anything, and nothing is minted."""
        world = RotatingApplication(policy)

        assert await check(world) == []
        assert world.hub.minted == 1

    async def test_a_refused_login(self) -> None:
        """One bad login, one notice; a new password is tried again."""
        world = RotatingApplication()
        world.hub.passwords["contosobot"] = "another"

        assert await check(world) == await check(world) == [("owner_login_refused", True)]
        assert world.hub.bad_logins["contosobot"] == 1
        world.vaults.put("dockerhub-owner", "another")
        restarted(world)
        await check(world)
        assert (await watch_of(world.rotations, "hub")).refused_owner == ""

    @pytest.mark.parametrize("calls", range(6))
    async def test_another_instance_is_refused_meanwhile(self, calls: int) -> None:
        """What it has learned stands, however far the look was by then: the login is not tried again."""
        world = RotatingApplication()
        version = world.vaults.put("dockerhub-owner", PASSWORD).version
        look = asyncio.create_task(check(world))
        while len(world.fuse.calls) < calls and not look.done():
            await asyncio.sleep(0)
        await remember(world.rotations, "hub", refused_owner=version, why="owner_login_refused")
        await look

        watch = await watch_of(world.rotations, "hub")
        assert (watch.refused_owner, watch.why) == (version, "owner_login_refused")

    @pytest.mark.parametrize("error", [None, TemporaryError("busy")], ids=["killed", "in trouble"])
    async def test_who_found_it_out_tells_nobody(self, error: Exception | None) -> None:
        """The next to look tells people, without another login."""
        world, fuse = RotatingApplication(), Fuse()
        world.vaults.put("dockerhub-owner", "wrong")
        ports = world.ports()
        cut_off = msgspec.structs.replace(ports, outbox=Fused("outbox", ports.outbox, fuse))
        [chore] = [one for one in world.another(ports=cut_off).chores if one.name == "capabilities"]
        fuse.blow(1, after=False, error=error)
        with suppress(Killed):
            await chore.run()

        assert await check(world) == await check(world) == [("owner_login_refused", True)]
        assert world.hub.bad_logins["contosobot"] == 1

    async def test_no_owner(self) -> None:
        """Whoever does not own the organization can't mint for it."""
        world = RotatingApplication(ORGANIZATION_POLICY)
        world.hub.owners.clear()

        assert await check(world) == [("minting_forbidden", True)]

    async def test_a_full_team(self) -> None:
        """Ten tokens are all that a Team has room for."""
        world = RotatingApplication(ORGANIZATION_POLICY)
        world.hub.listed["contoso-org"] = {str(n): HubToken(str(n), "theirs") for n in range(10)}

        assert await check(world) == [("no_free_slot", True)]

    async def test_a_business(self) -> None:
        """Has room for a hundred, if the policy says that it is one."""
        policy = ORGANIZATION_POLICY.replace(
            "organization: contoso-org", "organization: contoso-org\n    plan: business"
        )
        world = RotatingApplication(policy)
        world.hub.listed["contoso-org"] = {str(n): HubToken(str(n), "theirs") for n in range(10)}

        assert await check(world) == []
