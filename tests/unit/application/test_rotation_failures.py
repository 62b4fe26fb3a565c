"""Rotations that meet trouble: failures, leaks, deleted secrets, and every point at which a worker can die."""

from datetime import timedelta

import pytest

from shared.application.messages import ROTATIONS, RotationMessage
from shared.application.rotation_ports import HubUnavailable
from shared.domain.notice_kinds import NoticeKind
from shared.domain.rotation import RotationState, Trigger
from tests.fakes.application import POLICY
from tests.fakes.rotation import FIRST_TEXT, NEXT, ORGANIZATION_POLICY, SET, made


class TestFailures:
    """The old token stays whenever the new one does not come through."""

    async def test_a_new_token_that_is_refused(self) -> None:
        """It is deleted, and nothing was published."""
        world = await made()
        world.hub.refuses_new = True
        await world.app.rotating.start("hub", Trigger.PERSON)
        done = await world.rotate()

        assert (done.state, done.error) == (RotationState.FAILED, "credential_rejected")
        assert world.vaults.current("dockerhub-token").value == FIRST_TEXT
        assert world.ours() == []
        world.check_laws()
        assert [n.kind for n in await world.told()][-1] is NoticeKind.ROTATION_FAILED

    async def test_a_registry_that_does_not_take_it(self) -> None:
        """After the patience the old token is live again, and the new one is gone."""
        world = await made()
        world.registries.blind = True
        await world.app.rotating.start("hub", Trigger.PERSON)
        done = await world.rotate()

        assert (done.state, done.error) == (RotationState.FAILED, "not_adopted")
        assert world.vaults.current("dockerhub-token").value == FIRST_TEXT
        assert world.ours() == []
        world.check_laws()

    async def test_no_old_token_to_go_back_to(self) -> None:
        """A new token that works is kept when the old one is refused, whatever ACR says."""
        world = await made()
        world.hub.listed["contosobot"].clear()
        world.registries.blind = True
        await world.app.rotating.start("hub", Trigger.REJECTED)
        done = await world.rotate()

        assert done.state is RotationState.FAILED
        assert world.hub.accepts(world.registries.login_of(world.registries.sets[SET]))

    async def test_a_refused_owner_is_not_tried_again(self) -> None:
        """One bad login, then a person is asked; the next rotation asks at once, until the password is another one."""
        world = await made()
        world.hub.passwords["contosobot"] = "changed-on-the-web-site"
        await world.app.rotating.start("hub", Trigger.SCHEDULE)
        waiting = await world.rotate()
        for _ in range(5):
            await world.app.rotating.start("hub", Trigger.PERSON)
            waiting = await world.rotate()

        assert (waiting.state, waiting.fallback) == (RotationState.WAITING, "owner_login_refused")
        assert world.hub.bad_logins["contosobot"] == 1
        [notice] = await world.told()
        assert notice.kind is NoticeKind.ROTATION_ACTION_NEEDED
        assert NEXT in notice.detail

        world.vaults.put("dockerhub-owner", "changed-on-the-web-site")
        await world.app.rotating.look_at("hub")
        assert (await world.rotate()).state is RotationState.SUCCEEDED
        world.check_end()

    async def test_no_free_slot(self) -> None:
        """An organization that holds as many tokens as a plan allows leaves the making to a person."""
        world = await made(ORGANIZATION_POLICY)
        for number in range(10):
            world.hub.add("contoso-org", f"theirs {number}", f"text {number}")
        await world.app.rotating.start("hub", Trigger.SCHEDULE)

        assert (await world.rotate()).fallback == "no_free_slot"
        assert world.fuse.calls.count("hub.mint") == 1

    async def test_a_plan_that_is_known(self) -> None:
        """The tokens are counted, and Docker Hub is not asked for one that there is no room for."""
        world = await made(
            ORGANIZATION_POLICY.replace("organization: contoso-org", "organization: contoso-org\n    plan: team")
        )
        for number in range(10):
            world.hub.add("contoso-org", f"theirs {number}", f"text {number}")
        await world.app.rotating.start("hub", Trigger.SCHEDULE)

        assert (await world.rotate()).fallback == "no_free_slot"
        assert "hub.mint" not in world.fuse.calls

    async def test_refused_with_room(self) -> None:
        """A refusal that no count explains is told as what it is."""
        world = await made(ORGANIZATION_POLICY)
        world.hub.slots = 0
        await world.app.rotating.start("hub", Trigger.SCHEDULE)

        assert (await world.rotate()).fallback == "minting_forbidden"


class TestTrouble:
    """What passes by itself is waited for; no message fails for it."""

    async def test_a_locked_name(self) -> None:
        """The step is put off for as long as Docker Hub asks, once, and then goes on."""
        world = await made()
        locked = HubUnavailable("the name is locked", code="login_locked", retry_after=600)
        world.hub.trouble = locked
        await world.app.rotating.start("hub", Trigger.PERSON)
        world.queue.take(ROTATIONS)
        await world.app.rotating.handle(RotationMessage("hub"))
        found = await world.app.rotating.latest("hub")
        asked = world.fuse.calls.count("hub.tokens")
        for _ in range(3):
            await world.app.rotating.handle(RotationMessage("hub"))

        assert found is not None
        assert found.not_before == world.clock.now() + timedelta(seconds=600)
        assert found.timeline[-1].text.startswith("login_locked: ")
        assert world.fuse.calls.count("hub.tokens") == asked
        world.hub.trouble = None
        assert (await world.rotate()).state is RotationState.SUCCEEDED
        world.check_end()

    async def test_long_trouble(self) -> None:
        """After an hour people hear of it, once; the waits grow to a quarter of an hour."""
        world = await made()
        world.hub.trouble = HubUnavailable("HTTP 503")
        await world.app.rotating.start("hub", Trigger.PERSON)
        waits = []
        for _ in range(30):
            await world.app.rotating.handle(RotationMessage("hub"))
            delay = max(m.delay_s for m in world.queue.sent if m.queue == ROTATIONS)
            world.queue.take(ROTATIONS)
            waits.append(delay)
            world.clock.advance(delay)

        assert (waits[0], waits[-1]) == (15, 900)
        [notice] = [n for n in await world.told() if n.kind is NoticeKind.ROTATION_ACTION_NEEDED]
        assert (notice.reason, "makes no progress" in notice.summary) == ("docker_hub_unavailable", True)


class TestDeletedSecrets:
    """Names of the policy that somebody deleted are recovered when a rotation is wanted, and no others."""

    async def test_the_live_pair(self) -> None:
        """It is recovered, and the timeline says so; another deleted secret stays where it is."""
        world = await made()
        for name in ("dockerhub-token", "dockerhub-username", "somebody-elses"):
            world.vaults.put("somebody-elses", "x")
            world.vaults.delete(name)
        await world.app.rotating.start("hub", Trigger.PERSON)
        done = await world.rotate()

        assert done.state is RotationState.SUCCEEDED
        assert [e.text for e in done.timeline if e.event == "rotation.recovered"] == [
            "the deleted secrets dockerhub-username and dockerhub-token were recovered"
        ]
        assert list(world.vaults.deleted) == ["somebody-elses"]
        world.check_end()

    async def test_the_staged_copy(self) -> None:
        """Its name is free to be written to again."""
        world = await made()
        world.vaults.put(NEXT, "old")
        world.vaults.delete(NEXT)
        await world.app.rotating.start("hub", Trigger.PERSON)

        assert (await world.rotate()).state is RotationState.SUCCEEDED
        world.check_end()


class TestLeak:
    """A leaked token is deleted first."""

    async def test_revoked_before_the_next(self) -> None:
        """The leaked token is gone before the new one is made."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        leaked = (await world.rotate()).token_id
        await world.app.rotating.start("hub", Trigger.LEAK, revoke_first=True)
        done = await world.rotate()

        assert done.state is RotationState.SUCCEEDED
        calls = world.fuse.calls
        assert calls.index("hub.delete") < len(calls) - 1 - calls[::-1].index("hub.mint")
        assert leaked not in world.hub.listed["contosobot"]
        world.check_end()

    async def test_an_owner_who_is_refused(self) -> None:
        """A person is told to delete the token, and to make the next; the login is tried once, however often asked."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        await world.rotate()
        world.hub.passwords["contosobot"] = "changed-on-the-web-site"
        for _ in range(3):
            await world.app.rotating.start("hub", Trigger.LEAK, revoke_first=True)
            waiting = await world.rotate()

        assert (waiting.state, waiting.fallback) == (RotationState.WAITING, "owner_login_refused")
        assert any("delete it on Docker Hub's web site now" in line.text for line in waiting.timeline)
        assert world.hub.bad_logins["contosobot"] == 1


class TestKilled:
    """A worker that dies at any call, before or after it took effect."""

    @pytest.mark.parametrize("policy", [POLICY, ORGANIZATION_POLICY], ids=["personal", "organization"])
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("blind", [False, True], ids=["adopted", "withdrawn"])
    async def test_the_end_is_the_same(self, policy: str, *, after: bool, blind: bool) -> None:
        """The laws hold between any two calls, and at the end there is one token of ours, or none but the old one."""
        name = "contosobot" if policy is POLICY else "contoso-org"
        for at in range(1, 1000):
            world = await made(policy)
            if (
                policy is POLICY
            ):  # the second one has a token of ours to retire; an organization's first changes the name
                await world.app.rotating.start("hub", Trigger.PERSON)
                await world.rotate()
            world.registries.blind = blind
            world.fuse.on_call = world.check_laws
            before = len(world.fuse.calls)
            await world.app.rotating.start("hub", Trigger.PERSON)
            world.fuse.blow(at, after=after)
            done = await world.rotate()

            assert done.state is (RotationState.FAILED if blind else RotationState.SUCCEEDED), (at, world.fuse.calls)
            if blind and policy is ORGANIZATION_POLICY:
                assert world.ours(name) == []
                assert world.vaults.current("dockerhub-username").value == "contosobot"
                found = world.registries.sets[SET]
                assert (found.username_secret, found.token_secret) == world.credential.secret_ids
            else:
                world.check_end(name)
            await world.check_secrecy()
            if at > len(world.fuse.calls) - before:
                break
        else:
            pytest.fail("a rotation never ends")
