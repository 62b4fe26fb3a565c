"""Event Grid events at the trigger: which are taken, under which key, and whose they are."""

from typing import Any

import pytest

from shared.application.event_intake import Taken
from shared.application.messages import REMEDIATIONS, EventMessage, read_remediation
from shared.application.registry_ports import NotThere, PullRefused
from shared.domain.event_readers import REGISTRY_EVENTS, RESOURCE_EVENTS, VAULT_EVENTS
from shared.domain.events import PushHint
from shared.domain.incidents import IncidentState
from shared.domain.notice_kinds import NoticeKind
from tests.fakes.application import REGISTRY, TestApplication
from tests.fakes.rotation import TARGET
from tests.fixtures.events import DIGEST, NGINX, changed, cloud, cured, deleted, outcome, pushed
from tests.support import shared_data


class TestIntake:
    """What becomes of an event at the trigger."""

    @pytest.mark.parametrize("schema", [dict, cloud])
    @pytest.mark.parametrize("kind", ["ImagePushed", "Microsoft.ContainerRegistry.ImagePushed"])
    async def test_both_schemas_and_both_forms_of_the_type(self, schema: Any, kind: str) -> None:
        """The hint is the same."""
        world = TestApplication()

        assert Taken("queued") == await world.app.events.accept(REGISTRY_EVENTS, schema(pushed("app", eventType=kind)))

        [body] = world.queue.take(REMEDIATIONS)
        message = read_remediation(body)
        assert isinstance(message, EventMessage)
        assert message.hint == PushHint(REGISTRY, "app", (DIGEST, "1"))

    async def test_the_same_event_twice_is_one(self) -> None:
        """Once it was worked on it is a duplicate; before that it is queued again, since the message may be lost."""
        world = TestApplication()
        event = pushed("app")
        world.lineage.bases["app"] = ()

        assert Taken("queued") == await world.app.events.accept(REGISTRY_EVENTS, event)
        assert Taken("queued") == await world.app.events.accept(REGISTRY_EVENTS, cloud(event))
        await world.work()
        assert Taken("duplicate", "ignored") == await world.app.events.accept(REGISTRY_EVENTS, event)
        assert world.lineage.read == [f"app:{DIGEST}"]

    async def test_a_subscription_without_filters_takes_nothing_from_the_other_trigger(self) -> None:
        """The same event at both triggers: each judges it for itself."""
        world = TestApplication()
        event = pushed("app")

        assert Taken("ignored", "not_a_change") == await world.app.events.accept(RESOURCE_EVENTS, event)
        assert Taken("queued") == await world.app.events.accept(REGISTRY_EVENTS, event)

    @pytest.mark.parametrize(
        ("trigger", "event", "reason"),
        [
            (REGISTRY_EVENTS, pushed("app", topic=REGISTRY + "2"), "registry_not_in_policy"),
            (REGISTRY_EVENTS, pushed("app", topic="/subscriptions/x"), "topic_is_no_registry"),
            (REGISTRY_EVENTS, pushed("app", eventType="Microsoft.Storage.BlobCreated"), "not_a_registry_event"),
            (REGISTRY_EVENTS, pushed("app", eventType="ChartDeleted"), "chart_deleted"),
            (RESOURCE_EVENTS, changed("nginx-1", kind="webhooks"), "not_a_rule_or_credential_set"),
            (RESOURCE_EVENTS, changed("nginx-1", verb="Action"), "not_a_change"),
        ],
    )
    async def test_what_is_not_for_us_is_ignored_with_the_reason(
        self, trigger: str, event: dict[str, Any], reason: str
    ) -> None:
        """Recorded, acknowledged, and nothing is read."""
        world = TestApplication()

        assert Taken("ignored", reason) == await world.app.events.accept(trigger, event)
        assert world.queue.sent == []
        assert world.registries.calls == []
        assert await outcome(world) == ("ignored", reason)

    @pytest.mark.parametrize(
        "event",
        [
            {},
            pushed("app", data=None),
            pushed("app", data={"target": "x"}),
            pushed("../../etc", data={"target": {"repository": "../../etc", "digest": DIGEST}}),
            pushed("app", data={"target": {"repository": "app", "digest": "sha256:x y", "tag": "$(id)"}}),
            pushed("app", id=7),
            pushed("app", eventTime="yesterday"),
            pushed("app", id="half a pair \ud83d"),
            cloud(pushed("app", subject="\udc00")),
            pushed("app", eventTime="\ud800"),
            cloud(pushed("app", eventTime="\ud800")),
            pushed("app", data={"target": {"repository": "\ud800", "digest": DIGEST}}),
        ],
    )
    async def test_a_poison_event_is_a_dead_letter_and_counts_as_taken(self, event: dict[str, Any]) -> None:
        """Raising would bring the whole delivery back for a day; people are told instead."""
        world = TestApplication()

        taken = await world.app.events.accept(REGISTRY_EVENTS, event)
        await world.work()

        assert taken.outcome == "dead-letter"
        [letter] = await world.app.dead_letters.listed()
        assert (letter.id, letter.origin) == (taken.reason, "events/registry_events")
        assert [failure.code for failure in letter.failures] == ["event_unreadable"]
        assert [notice.kind for notice in world.topic.sent] == [NoticeKind.DEAD_LETTER_ADDED]
        totals = await world.app.reports.deliveries()
        assert (totals.received, totals.outcomes, totals.add_up) == (1, {"dead-letter": 1}, True)

    async def test_a_poison_event_twice_is_one_dead_letter(self) -> None:
        """One letter, one notice, and two duplicates."""
        world = TestApplication()
        for _ in range(3):
            await world.app.events.accept(REGISTRY_EVENTS, {"id": 7})
        await world.work()

        assert len(await world.app.dead_letters.listed()) == 1
        assert len(world.topic.sent) == 1
        totals = await world.app.reports.deliveries()
        assert (totals.received, totals.duplicates, totals.add_up) == (3, 2, True)

    async def test_a_dead_event_can_be_replayed(self) -> None:
        """It goes through the queue; still unreadable, it is dead again."""
        world = TestApplication()
        taken = await world.app.events.accept(REGISTRY_EVENTS, pushed("app", data=None))

        assert (await world.app.dead_letters.replay(taken.reason)).state == "replayed"
        await world.work()

        [letter] = await world.app.dead_letters.listed()
        assert (letter.state, letter.deaths) == ("dead", 2)
        assert (await world.app.reports.deliveries()).received == 1

    async def test_a_secret_that_nothing_can_store_is_a_dead_letter(self) -> None:
        """Half a surrogate pair, which JSON can spell and a queue message can't hold."""
        world = TestApplication()
        secret = "https://contoso-kv.vault.azure.net/secrets/dockerhub-token/"
        event = pushed("app", eventType="Microsoft.KeyVault.SecretExpired", data={"Id": secret, "Version": "\ud800"})

        assert (await world.app.events.accept(VAULT_EVENTS, event)).outcome == "dead-letter"
        [letter] = await world.app.dead_letters.listed()
        assert (await world.app.dead_letters.replay(letter.id)).state == "replayed"

    @pytest.mark.parametrize("schema", [dict, cloud])
    async def test_a_time_without_a_zone_is_in_utc(self, schema: Any) -> None:
        """Compared with the time of a proof, which has one."""
        world = await cured()
        world.clock.advance(3600)
        event = schema(deleted(TARGET, at="2026-11-25T09:30:00"))

        await world.app.events.accept(REGISTRY_EVENTS, event)
        await world.work()

        assert (await outcome(world))[0] == "incident"

    @pytest.mark.parametrize("name", ["ImagePushed", "ImageDeleted", "ChartPushed"])
    @pytest.mark.parametrize("schema", ["eventgrid", "cloudevents"])
    async def test_microsofts_own_samples(self, name: str, schema: str) -> None:
        """Their topic is a placeholder, so they are ignored; with a real one they are queued."""
        [event] = shared_data(f"acr/events/{name}.{schema}.json")
        world = TestApplication()

        assert (await world.app.events.accept(REGISTRY_EVENTS, event)).reason == "topic_is_no_registry"
        key = "source" if schema == "cloudevents" else "topic"
        assert await world.app.events.accept(REGISTRY_EVENTS, event | {key: REGISTRY}) == Taken("queued")


class TestConnectedRegistry:
    """Events of a registry at the edge, whose topic is its parent; `data` says whose they are."""

    @staticmethod
    def at_the_edge(event: dict[str, Any]) -> dict[str, Any]:
        """The event as a connected registry causes it."""
        return event | {"data": event["data"] | {"connectedRegistry": {"name": "plant-1"}, "location": "westeurope"}}

    @pytest.mark.parametrize("schema", [dict, cloud])
    async def test_what_the_parent_has_is_looked_at(self, schema: Any) -> None:
        """The base of the image is cached at the parent."""
        world = TestApplication()
        world.lineage.bases["app"] = ("nginx:1.27",)

        await world.app.events.accept(REGISTRY_EVENTS, schema(self.at_the_edge(pushed("app"))))
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_what_the_parent_has_not_is_left_to_the_parents_own_event(self) -> None:
        """It comes with the next synchronization, hours later maybe; nothing waits for it, and nothing is given up."""
        world = TestApplication()

        await world.app.events.accept(REGISTRY_EVENTS, self.at_the_edge(pushed("app")))
        await world.work()

        assert await outcome(world) == ("ignored", "not_synchronized")
        assert world.lineage.read == [f"app:{DIGEST}"]

    async def test_a_deletion_at_the_edge_takes_nothing_from_the_parent(self) -> None:
        """The incident stays verified, and nothing is pulled."""
        world = await cured()
        world.clock.advance(3600)

        taken = await world.app.events.accept(REGISTRY_EVENTS, self.at_the_edge(deleted(TARGET)))

        assert taken == Taken("ignored", "connected_registry")
        assert len(world.content.pulled) == 1

    async def test_a_fill_at_the_edge_is_no_fill_of_the_parents(self) -> None:
        """Below a rule's target nothing is read, here as there."""
        world = await cured()

        await world.app.events.accept(REGISTRY_EVENTS, self.at_the_edge(pushed(TARGET, "1.27")))
        await world.work()

        assert await outcome(world) == ("ignored", "cache_fill")


class TestHelm2Chart:
    """A chart in ACR's old chart store."""

    @pytest.mark.parametrize("error", [NotThere("404"), PullRefused("no OCI", code="unsupported")])
    async def test_it_is_skipped_with_the_reason(self, error: Exception) -> None:
        """The OCI interface does not have it: looked at once, and neither tried again nor given up."""
        world = TestApplication()
        world.lineage.trouble["made_of"] = [error]
        event = pushed("repo", eventType="Microsoft.ContainerRegistry.ChartPushed")
        event["data"]["target"]["mediaType"] = "application/vnd.acr.helm.chart"

        await world.app.events.accept(REGISTRY_EVENTS, event)
        await world.work()

        assert await outcome(world) == ("ignored", "helm2_chart")
        assert await world.app.dead_letters.listed() == []

    async def test_an_image_that_is_not_there_yet_is_tried_again(self) -> None:
        """The registry tells of a push before it serves it everywhere."""
        world = TestApplication()
        world.lineage.trouble["made_of"] = [NotThere("not yet")]
        world.lineage.bases["app"] = ()

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        await world.work()

        assert await outcome(world) == ("ignored", "no_base")
        assert world.lineage.calls == ["made_of", "made_of"]
