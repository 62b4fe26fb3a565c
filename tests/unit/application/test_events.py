"""Events and their effect: what each hints at, what is read again, and that twice is once."""

from typing import Any

import pytest

from shared.application.event_intake import Taken
from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.registry_ports import NotServed
from shared.domain.event_readers import REGISTRY_EVENTS, VAULT_EVENTS
from shared.domain.incidents import IncidentState
from shared.errors import TemporaryError
from tests.fakes.application import TestApplication
from tests.fakes.rotation import TARGET, RotatingApplication
from tests.fixtures.events import NGINX, cloud, cured, deleted, outcome, pushed, secret_event


class TestCacheFill:
    """A push below a rule's target."""

    async def test_it_is_the_proof_for_an_applied_incident(self) -> None:
        """The pull that proves is made at once, and not because the event says so."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.content.trouble["manifest"] = [NotServed("not yet")] * 3
        await world.alert()
        await world.app.remediation.handle(read_remediation(world.queue.take(REMEDIATIONS)[0]))
        assert (await world.all_incidents())[NGINX].state is IncidentState.APPLIED
        world.content.trouble["manifest"].clear()
        world.queue.take(REMEDIATIONS)

        await world.app.events.accept(REGISTRY_EVENTS, pushed(TARGET, "1.27"))
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert incident.state is IncidentState.VERIFIED
        assert len(world.content.pulled) == 1
        assert await outcome(world) == ("incident", incident.id)

    async def test_otherwise_it_is_left_alone(self) -> None:
        """Three events come of one copy, one of them without a tag; none makes anybody read a manifest."""
        world = await cured()
        world.registries.calls.clear()

        for number, tag in enumerate(("1.27", None, None)):
            await world.app.events.accept(REGISTRY_EVENTS, pushed(TARGET, tag, id=f"fill-{number}"))
        await world.work()

        assert world.lineage.read == []
        assert world.registries.calls == []
        assert (await world.deliveries.totals()).ignored == {"cache_fill": 3}


class TestImageDeleted:
    """A deletion below a rule's target."""

    async def test_the_incident_is_verified_again(self) -> None:
        """Without telling anybody twice, however many manifests went."""
        world = await cured()
        world.clock.advance(3600)

        for number in range(3):
            await world.app.events.accept(REGISTRY_EVENTS, deleted(TARGET, number))
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert incident.state is IncidentState.VERIFIED
        assert len(world.content.pulled) == 2
        assert len(world.topic.sent) == 1
        assert any("was deleted from the registry" in entry.text for entry in incident.timeline)

    async def test_what_was_proven_since_is_left_alone(self) -> None:
        """An event that comes late, or out of order, tells of nothing new."""
        world = await cured()

        await world.app.events.accept(REGISTRY_EVENTS, deleted(TARGET, at="2026-11-24T08:00:00Z"))
        await world.work()

        assert len(world.content.pulled) == 1

    async def test_elsewhere_it_is_left_alone(self) -> None:
        """Nobody's incident."""
        world = await cured()

        await world.app.events.accept(REGISTRY_EVENTS, deleted("app"))
        await world.work()

        assert await outcome(world) == ("ignored", "no_incident")


class TestVault:
    """Events of Key Vault: the same way as the others', and what they say is read again."""

    @pytest.mark.parametrize("schema", [dict, cloud])
    async def test_an_end_begins_one_rotation(self, schema: Any) -> None:
        """In both schemas; the same event again is a duplicate, and everything is accounted for."""
        world = RotatingApplication()
        event = schema(secret_event())

        for _ in range(3):
            assert Taken("queued") == await world.app.events.accept(VAULT_EVENTS, event)
        await world.work()
        assert Taken("duplicate", "credential") == await world.app.events.accept(VAULT_EVENTS, event)

        rotation = await world.app.rotating.latest("hub")
        assert rotation is not None
        assert (rotation.number, rotation.trigger) == (1, "expired")
        assert await outcome(world) == ("credential", "started")
        assert (await world.app.reports.deliveries()).add_up

    @pytest.mark.parametrize(
        ("event", "reason"),
        [
            (secret_event(secret="unrelated"), "secret_not_in_policy"),
            (secret_event(kind="KeyExpired"), "not_a_secret_event"),
        ],
    )
    async def test_what_is_not_for_us(self, event: dict[str, Any], reason: str) -> None:
        """Recorded, and the vault is not asked."""
        world = RotatingApplication()

        assert Taken("ignored", reason) == await world.app.events.accept(VAULT_EVENTS, event)
        assert "vault.read" not in world.fuse.calls

    async def test_one_that_cannot_be_read_is_a_dead_letter(self) -> None:
        """Recorded and acknowledged."""
        world = RotatingApplication()

        taken = await world.app.events.accept(VAULT_EVENTS, secret_event(data={"Id": "nonsense"}))

        assert taken.outcome == "dead-letter"
        totals = await world.app.reports.deliveries()
        assert (totals.outcomes, totals.add_up) == ({"dead-letter": 1}, True)

    async def test_a_vault_in_trouble_is_asked_again(self) -> None:
        """The event waits on the queue, and Event Grid need not send it again."""
        world = RotatingApplication()
        await world.app.events.accept(VAULT_EVENTS, secret_event())
        world.vaults.trouble = [TemporaryError("throttled")]
        await world.work()

        assert await outcome(world) == ("credential", "started")
