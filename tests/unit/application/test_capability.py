"""Whether tokens can be minted at all, found out before one ends."""

import pytest

from shared.domain.rotation import HubToken
from tests.fakes.application import POLICY
from tests.fakes.rotation import ASSISTED_POLICY, ORGANIZATION_POLICY, RotatingApplication


async def check(world: RotatingApplication) -> list[tuple[str | None, bool]]:
    """What people were told: the reason, and whether it says what a person does."""
    [chore] = [one for one in world.app.chores if one.name == "capabilities"]
    await chore.run()
    return [(notice.reason, "-next" in notice.detail) for notice in await world.told()]


class TestCapability:
    """Once a day, and quiet when all is well."""

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
        await check(world)
        assert (await world.rotations.watch("hub")).refused_owner == ""

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
