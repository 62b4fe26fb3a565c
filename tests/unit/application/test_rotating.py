"""Rotations through the ports: the whole of it, its failures, and every point at which a worker can die."""

import asyncio
from datetime import timedelta

import pytest

from shared.application.messages import ROTATIONS, RotationMessage
from shared.application.rotation_ports import HubUnavailable
from shared.domain.notice_kinds import NoticeKind
from shared.domain.policy_credentials import Provider
from shared.domain.rotation import RotationState, Trigger, next_secret
from tests.fakes.application import POLICY
from tests.fakes.rotation import ASSISTED_POLICY, FIRST_TEXT, ORGANIZATION_POLICY, SET, RotatingApplication

NEXT = next_secret("dockerhub-token")


async def made(policy: str | None = None) -> RotatingApplication:
    """An application with a credential that works."""
    world = RotatingApplication() if policy is None else RotatingApplication(policy)
    await world.seed()
    return world


class TestPersonal:
    """A personal token, minted with the account's password."""

    async def test_a_rotation(self) -> None:
        """Ends with one token of ours, live, adopted and proven by a pull; the one made by hand is left to people."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        done = await world.rotate()

        assert done.state is RotationState.SUCCEEDED
        assert "nginx:1.27 was served" in done.proofs[0]
        assert world.content.pulled
        world.check_laws()
        world.check_end()
        await world.check_secrecy()
        told = (await world.told())[-1]
        assert (told.kind, told.subject) == (NoticeKind.ROTATION_SUCCEEDED, f"rotations/{done.id}")

    async def test_the_next_one_deletes_the_one_before(self) -> None:
        """The token of the first rotation lives on for the grace period, and then is gone."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        first = await world.rotate()
        await world.app.rotating.start("hub", Trigger.SCHEDULE)
        while (found := await world.app.rotating.latest("hub")) and found.state is not RotationState.RETIRING:
            await world.once()

        assert len(world.ours()) == 2
        second = await world.rotate()
        assert second.id == "hub-2"
        assert first.token_id not in world.ours()
        world.check_end()

    async def test_the_new_version_carries_its_end_and_origin(self) -> None:
        """Expiry lies beyond the time at which Key Vault's warning would begin the next rotation at once."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        done = await world.rotate()

        live = world.vaults.current("dockerhub-token")
        assert live.expires_on is not None
        assert live.expires_on - live.created_on >= world.credential.rotate_every + timedelta(days=30)
        assert (live.tags["cachewarden-rotation"], live.tags["cachewarden-token-id"]) == (done.id, done.token_id)

    async def test_asked_twice(self) -> None:
        """Two requests at once begin one rotation."""
        world = await made()
        other = world.another(world.policy)
        await asyncio.gather(
            world.app.rotating.start("hub", Trigger.PERSON), other.rotating.start("hub", Trigger.SCHEDULE)
        )
        await world.rotate()

        assert world.hub.minted == 2
        assert [r.number async for r in world.rotations.history("hub")] == [1]

    async def test_two_workers_at_once(self) -> None:
        """A lease keeps the second one away; each step is done once."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        other = world.another(world.policy)
        message = RotationMessage("hub")
        await asyncio.gather(world.app.rotating.handle(message), other.rotating.handle(message))
        await world.rotate()

        assert world.hub.minted == 2
        world.check_end()


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


class TestOrphans:
    """Tokens whose text is lost are ours by their label; others are nobody's business."""

    async def test_strangers_stay(self) -> None:
        """Another installation's token, and one made by hand, outlive every rotation."""
        world = await made()
        stranger = world.hub.add("contosobot", "cachewarden-0123456789ab-1", "of-another-installation")
        await world.app.rotating.start("hub", Trigger.PERSON)
        await world.rotate()

        assert stranger.id in world.hub.listed["contosobot"]
        world.check_laws()

    async def test_a_lost_text_frees_its_slot(self) -> None:
        """A worker that dies right after the mint leaves an orphan, which the step deletes before it mints again."""
        world = await made(ORGANIZATION_POLICY)
        world.hub.slots = 1
        await world.app.rotating.start("hub", Trigger.PERSON)
        world.fuse.blow_after("hub.mint")
        done = await world.rotate()

        assert (done.state, done.fallback) == (RotationState.SUCCEEDED, "")
        assert world.fuse.calls.count("hub.mint") == 2
        world.check_end("contoso-org")

    async def test_a_version_is_written_once(self) -> None:
        """A worker that dies right after it published writes no second version of the same token."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        world.fuse.blow_after("vault.write dockerhub-token")
        await world.rotate()

        assert world.fuse.calls.count("vault.write dockerhub-token") == 1
        world.check_end()


class TestOrganization:
    """From a personal token to an organization's: the user name changes too."""

    async def test_the_pair_is_never_wrong(self) -> None:
        """What the registry reads is the old pair or the new one, after every single call."""
        world = await made(ORGANIZATION_POLICY)
        world.fuse.on_call = world.check_laws
        await world.app.rotating.start("hub", Trigger.PERSON)
        done = await world.rotate()

        assert done.state is RotationState.SUCCEEDED
        assert world.vaults.current("dockerhub-username").value == "contoso-org"
        world.check_laws()
        world.check_end("contoso-org")
        pinned, followed = world.registries.pointed[0], world.registries.pointed[-1]
        assert pinned[1].endswith("/v2")
        assert followed == world.credential.secret_ids

    async def test_and_back_when_it_is_not_adopted(self) -> None:
        """Both secrets hold what they held before."""
        world = await made(ORGANIZATION_POLICY)
        world.registries.blind = True
        await world.app.rotating.start("hub", Trigger.PERSON)

        assert (await world.rotate()).state is RotationState.FAILED
        assert world.vaults.current("dockerhub-username").value == "contosobot"
        world.check_laws()
        assert world.ours("contoso-org") == []


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


class TestAssisted:
    """A person makes the token."""

    async def test_a_pasted_token(self) -> None:
        """It is tested, published and adopted; the old version can't be read after the grace."""
        world = await made(ASSISTED_POLICY)
        await world.app.rotating.start("hub", Trigger.PERSON)
        assert (await world.rotate()).state is RotationState.WAITING
        pasted = world.hub.add("contosobot", "made by hand too", "dckr_pat_pasted")
        world.vaults.put(NEXT, "dckr_pat_pasted\n", expires_on=world.clock.now() + timedelta(days=90))
        await world.app.rotating.look_at("hub")
        done = await world.rotate()

        assert (done.state, done.provider) == (RotationState.SUCCEEDED, Provider.ASSISTED)
        live = world.vaults.current("dockerhub-token")
        assert live.value == world.hub.texts[pasted.id]
        assert live.expires_on == done.expires_at is not None
        assert not world.vaults.value("x/secrets/dockerhub-token/v2")

    async def test_a_pasted_token_that_is_wrong(self) -> None:
        """It is not published, and not tried twice."""
        world = await made(ASSISTED_POLICY)
        world.vaults.put(NEXT, "dckr_pat_wrong")
        await world.app.rotating.start("hub", Trigger.PASTED)
        done = await world.rotate()
        await world.app.rotating.start("hub", Trigger.PERSON)
        again = await world.rotate()

        assert done.error == "credential_rejected"
        assert again.state is RotationState.WAITING
        assert world.hub.bad_logins["contosobot"] == 1
        world.check_laws()

    async def test_the_live_token_pasted_again(self) -> None:
        """Is no new token: retiring the old one would retire it."""
        world = await made(ASSISTED_POLICY)
        world.vaults.put(NEXT, FIRST_TEXT)
        await world.app.rotating.start("hub", Trigger.PASTED)

        assert (await world.rotate()).error == "token_not_new"
        world.check_laws()


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
