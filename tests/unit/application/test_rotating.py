"""Rotations through the ports: the whole of it, for each kind of credential."""

import asyncio
from datetime import timedelta

from shared.application.messages import RotationMessage
from shared.domain.notice_kinds import NoticeKind
from shared.domain.policy_credentials import Provider
from shared.domain.rotation import RotationState, Trigger
from tests.fakes.rotation import ASSISTED_POLICY, FIRST_TEXT, NEXT, ORGANIZATION_POLICY, made


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
