"""A rotation is seen from the incidents that it concerns."""

from datetime import timedelta

import msgspec

from shared.application.reports import IncidentReport
from shared.domain.incidents import IncidentState, incident_id
from shared.domain.rotation import RotationState, Trigger
from shared.domain.rotation_notices import MOST_STEPS
from tests.fakes.application import POLICY, REGISTRY
from tests.fakes.credentials import PASSWORD
from tests.fakes.rotation import ASSISTED_POLICY, FIRST_TEXT, RotatingApplication

KEY = incident_id(REGISTRY, "docker.io/library/nginx")


async def made(policy: str = POLICY) -> RotatingApplication:
    """An application with an incident, and a credential that works."""
    world = RotatingApplication(policy)
    await world.seed()
    return world


async def report(world: RotatingApplication) -> IncidentReport:
    """The incident's view."""
    return await world.app.reports.incident(KEY)


async def put(world: RotatingApplication, **changes: object) -> None:
    """Change the incident."""
    stored = await world.incidents.get(KEY)
    assert stored is not None
    await world.incidents.replace(stored, msgspec.structs.replace(stored.value, **changes))


class TestSeenFromTheIncident:
    """By the credential of its upstream, and the time."""

    async def test_with_its_steps(self) -> None:
        """A rotation that the incident's evidence caused is there with its timeline, and without a secret."""
        world = await made()
        world.hub.listed["contosobot"].clear()
        await world.app.credential_watch.run()
        done = await world.rotate()
        [seen] = (await report(world)).rotations

        assert seen == done
        assert [line.event for line in seen.timeline][:3] == [
            "rotation.started",
            "rotation.testing",
            "rotation.publishing",
        ]
        text = msgspec.json.encode(await report(world)).decode()
        assert not any(secret in text for secret in (FIRST_TEXT, PASSWORD, *world.hub.texts.values()))

    async def test_an_old_one(self) -> None:
        """What was over before the incident opened is none of its."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        await world.rotate()
        await put(world, active_since=world.clock.now() + timedelta(hours=1))

        assert (await report(world)).rotations == ()

    async def test_a_later_one(self) -> None:
        """A rotation long after the incident was cured is none of its; one that is still open has it."""
        world = await made()
        world.clock.advance(timedelta(days=30).total_seconds())
        await world.app.rotating.start("hub", Trigger.SCHEDULE)
        assert (await report(world)).rotations == ()

        await put(world, state=IncidentState.BLOCKED)
        assert [one.id for one in (await report(world)).rotations] == ["hub-1"]

    async def test_another_upstream(self) -> None:
        """An incident of an upstream without a credential has none."""
        world = await made(POLICY.replace("    credential: hub\n", ""))
        await world.app.rotating.start("hub", Trigger.PERSON)

        assert (await report(world)).rotations == ()


class TestToldWithItsSteps:
    """Notices carry the timeline."""

    async def test_a_success(self) -> None:
        """Each step is a line with its time; nothing of a token is in them."""
        world = await made()
        await world.app.rotating.start("hub", Trigger.PERSON)
        done = await world.rotate()
        facts = (await world.told())[-1].facts

        steps = [text for name, text in facts.items() if name.startswith("step ")]
        assert steps[0] == "2026-11-24 09:00:00 UTC because of person"
        assert any("Docker Hub accepts the new token" in step for step in steps)
        assert len(steps) < len(done.timeline) + 1

    async def test_a_long_one(self) -> None:
        """The first line and the newest ones, so that a card can hold them."""
        world = await made()
        world.registries.blind = True
        await world.app.rotating.start("hub", Trigger.PERSON)
        await world.rotate()
        assert (await world.told())[-1].kind == "rotation.failed"
        facts = (await world.told())[-1].facts

        assert len([name for name in facts if name.startswith("step ")]) <= MOST_STEPS


class TestOverview:
    """All credentials at once."""

    async def test_a_line_each(self) -> None:
        """With the newest rotation, and what keeps tokens from being minted."""
        world = await made()
        [before] = await world.app.rotation_requests.overview()
        await world.app.rotating.start("hub", Trigger.PERSON)
        await world.rotate()
        [after] = await world.app.rotation_requests.overview()

        assert (before.rotation, before.state, before.cannot) == (None, None, "")
        assert (after.rotation, after.state, after.trigger) == ("hub-1", RotationState.SUCCEEDED, Trigger.PERSON)

    async def test_a_persons_token(self) -> None:
        """Nothing is minted, so nothing keeps it from being."""
        world = await made(ASSISTED_POLICY)
        await world.app.rotating.start("hub", Trigger.PERSON)
        await world.rotate()

        assert [(one.state, one.cannot) for one in await world.app.rotation_requests.overview()] == [
            (RotationState.WAITING, "")
        ]
