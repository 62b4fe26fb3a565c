"""Event Grid events from intake to effect: what each hints at, what is read again, and that twice is once."""

from typing import Any

import msgspec
import pytest

from shared.application.event_intake import Taken
from shared.application.messages import REMEDIATIONS, EventMessage, read_remediation
from shared.application.registry_ports import NotServed, NotThere, PullRefused
from shared.domain.cache_rules import CacheRule
from shared.domain.event_readers import REGISTRY_EVENTS, RESOURCE_EVENTS, VAULT_EVENTS
from shared.domain.events import PushHint
from shared.domain.incidents import IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.errors import TemporaryError
from tests.fakes.application import POLICY, REGISTRY, TestApplication, log_alert
from tests.fakes.rotation import RotatingApplication
from tests.fixtures.events import ANNA, BERT, DIGEST, NGINX, changed, cloud, cured, deleted, outcome, pushed
from tests.support import shared_data

TARGET = "docker-hub/library/nginx"


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

    async def test_a_poison_event_twice_is_one_dead_letter(self) -> None:
        """One letter, one notice."""
        world = TestApplication()
        for _ in range(3):
            await world.app.events.accept(REGISTRY_EVENTS, pushed("app", data=None))
        await world.work()

        assert len(await world.app.dead_letters.listed()) == 1
        assert len(world.topic.sent) == 1

    async def test_a_dead_event_can_be_replayed(self) -> None:
        """It goes through the queue; still unreadable, it is dead again."""
        world = TestApplication()
        taken = await world.app.events.accept(REGISTRY_EVENTS, pushed("app", data=None))

        assert (await world.app.dead_letters.replay(taken.reason)).state == "replayed"
        await world.work()

        [letter] = await world.app.dead_letters.listed()
        assert (letter.state, letter.deaths) == ("dead", 2)

    @pytest.mark.parametrize("name", ["ImagePushed", "ImageDeleted", "ChartPushed"])
    @pytest.mark.parametrize("schema", ["eventgrid", "cloudevents"])
    async def test_microsofts_own_samples(self, name: str, schema: str) -> None:
        """Their topic is a placeholder, so they are ignored; with a real one they are queued."""
        [event] = shared_data(f"acr/events/{name}.{schema}.json")
        world = TestApplication()

        assert (await world.app.events.accept(REGISTRY_EVENTS, event)).reason == "topic_is_no_registry"
        key = "source" if schema == "cloudevents" else "topic"
        assert await world.app.events.accept(REGISTRY_EVENTS, event | {key: REGISTRY}) == Taken("queued")


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


class TestDrift:
    """Somebody changes a rule that an incident relies on."""

    async def test_a_deleted_rule_is_made_again_and_told_with_who_and_when(self) -> None:
        """In mode enforce; the person is an object id, and nothing of the claims is anywhere."""
        world = await cured()
        [name] = world.registries.rules
        del world.registries.rules[name]

        await world.app.events.accept(RESOURCE_EVENTS, changed(name.upper()))
        await world.work()

        assert list(world.registries.rules) == [name]
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        [notice] = [n for n in world.topic.sent if n.kind is NoticeKind.INCIDENT_DRIFT]
        assert notice.facts["changed by"] == ANNA
        assert notice.facts["changed at"] == "2026-11-24T08:59:00+00:00"
        everything = msgspec.json.encode([world.topic.sent, list((await world.all_incidents()).values())])
        assert b"Anna" not in everything
        assert b"203.0.113.7" not in everything

    async def test_our_own_writes_change_nothing(self) -> None:
        """They are events as well, and leave everything in order."""
        world = await cured()
        before = await world.all_incidents()
        [name] = world.registries.rules

        await world.app.events.accept(RESOURCE_EVENTS, changed(name, verb="Write"))
        await world.work()

        assert await world.all_incidents() == before
        assert await outcome(world) == ("ignored", "in_order")

    async def test_an_event_that_lies_changes_nothing(self) -> None:
        """ARM says that the rule is there."""
        world = await cured()
        puts = len(world.registries.puts)
        [name] = world.registries.rules

        await world.app.events.accept(RESOURCE_EVENTS, changed(name))
        await world.work()

        assert len(world.registries.puts) == puts
        assert [n.kind for n in world.topic.sent] == [NoticeKind.INCIDENT_VERIFIED]

    async def test_a_rule_that_lost_its_credential_set_gets_it_back(self) -> None:
        """A write can undo as much as a deletion."""
        world = await cured()
        [(name, rule)] = world.registries.rules.items()
        world.registries.rules[name] = msgspec.structs.replace(rule, credential_set=None)

        await world.app.events.accept(RESOURCE_EVENTS, changed(name, verb="Write"))
        await world.work()

        assert world.registries.rules[name] == rule

    async def test_a_deleted_credential_set_is_made_again(self) -> None:
        """The rules that used it are covered no longer."""
        world = await cured()
        [name] = world.registries.sets
        del world.registries.sets[name]

        await world.app.events.accept(RESOURCE_EVENTS, changed(name, kind="credentialSets"))
        await world.work()

        assert list(world.registries.sets) == [name]
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    @pytest.mark.parametrize(
        ("mode", "state"), [("observe", IncidentState.PLANNED), ("approve", IncidentState.AWAITING_APPROVAL)]
    )
    async def test_it_is_only_reported_as_the_mode_says(self, mode: str, state: IncidentState) -> None:
        """Nothing is created without a yes."""
        world = await cured()
        world.app = world.another(POLICY.replace("mode: enforce", f"mode: {mode}"))
        [name] = world.registries.rules
        del world.registries.rules[name]

        await world.app.events.accept(RESOURCE_EVENTS, changed(name))
        await world.work()

        assert world.registries.rules == {}
        assert (await world.all_incidents())[NGINX].state is state
        assert NoticeKind.INCIDENT_DRIFT in {n.kind for n in world.topic.sent}

    async def test_no_tug_of_war(self) -> None:
        """After the second change by the same person a person has to agree; nothing repairs it until then."""
        world = await cured()
        [name] = world.registries.rules
        for number in (1, 2):
            del world.registries.rules[name]
            await world.app.events.accept(RESOURCE_EVENTS, changed(name, number=number))
            await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert world.registries.rules == {}
        assert incident.state is IncidentState.AWAITING_APPROVAL
        drift = [n for n in world.topic.sent if n.kind is NoticeKind.INCIDENT_DRIFT]
        assert [n.reason for n in drift] == [None, "contested"]

        world.failing("nginx:1.27", "nginx:1.28")
        await world.alert(log_alert(alert="a2"))
        world.clock.advance(10 * 24 * 3600)
        await world.app.sweep.run()
        await world.work()
        assert world.registries.rules == {}

        asked = (await world.all_incidents())[NGINX].proposal
        assert asked is not None

    async def test_a_yes_ends_it(self) -> None:
        """The plan that was asked about is carried out."""
        world = await cured()
        [name] = world.registries.rules
        for number in (1, 2):
            del world.registries.rules[name]
            await world.app.events.accept(RESOURCE_EVENTS, changed(name, number=number))
            await world.work()
        incident = (await world.all_incidents())[NGINX]
        assert incident.proposal is not None

        answer = msgspec.json.encode({"by": "carla", "plan": incident.proposal.plan})
        await world.app.approvals.approve(incident.id, answer, signed_in=None)
        await world.work()

        assert list(world.registries.rules) == [name]
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_two_people_are_two_mistakes(self) -> None:
        """Each is repaired."""
        world = await cured()
        [name] = world.registries.rules
        for number, by in enumerate((ANNA, BERT)):
            del world.registries.rules[name]
            await world.app.events.accept(RESOURCE_EVENTS, changed(name, by=by, number=number))
            await world.work()

        assert list(world.registries.rules) == [name]

    async def test_the_same_event_twice_is_one_change(self) -> None:
        """Event Grid sends at least once; that is no second deletion."""
        world = await cured()
        [name] = world.registries.rules
        del world.registries.rules[name]
        event = changed(name)
        for _ in range(3):
            await world.app.events.accept(RESOURCE_EVENTS, event)
        await world.work()
        await world.app.events.accept(RESOURCE_EVENTS, cloud(event))
        await world.work()

        assert list(world.registries.rules) == [name]
        assert len([n for n in world.topic.sent if n.kind is NoticeKind.INCIDENT_DRIFT]) == 1


class TestPrevention:
    """A push elsewhere."""

    async def test_the_base_is_cached_before_it_is_limited(self) -> None:
        """Same plan, same proof, another notice."""
        world = TestApplication()
        world.lineage.bases["app"] = ("docker.io/library/nginx:1.27",)

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        await world.work()

        assert [(r.source, r.target) for r in world.registries.rules.values()] == [(NGINX, TARGET)]
        incident = (await world.all_incidents())[NGINX]
        assert (incident.state, incident.preventive) == (IncidentState.VERIFIED, True)
        [notice] = world.topic.sent
        assert notice.kind is NoticeKind.INCIDENT_PREVENTED
        assert await outcome(world) == ("incident", incident.id)

    async def test_a_chart_names_several(self) -> None:
        """What the policy does not allow is left out."""
        world = TestApplication()
        world.lineage.bases["charts/shop"] = ("nginx:1.27", "bitnami/redis:7", "evil/miner:1", "quay.io/x/y:1")

        event = pushed("charts/shop", "1.0.0", eventType="Microsoft.ContainerRegistry.ChartPushed")
        await world.app.events.accept(REGISTRY_EVENTS, event)
        await world.work()

        assert {r.source for r in world.registries.rules.values()} == {NGINX, "docker.io/bitnami/redis"}

    @pytest.mark.parametrize(
        ("bases", "reason"), [((), "no_base"), (("evil/miner:1",), "base_not_allowed"), (("nginx:1",), "base_covered")]
    )
    async def test_what_needs_nothing_is_left_alone(self, bases: tuple[str, ...], reason: str) -> None:
        """With the reason."""
        world = await cured()
        world.lineage.bases["app"] = bases

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        await world.work()

        assert await outcome(world) == ("ignored", reason)
        assert len(world.registries.rules) == 1

    async def test_a_cure_never_causes_another(self) -> None:
        """Each image has a base of its own, without end; every fill of the cache is told, and one rule comes of it."""
        world = TestApplication()
        world.lineage.bases["app"] = ("docker.io/library/base0:1",)
        for number in range(50):
            world.lineage.bases[f"docker-hub/library/base{number}"] = (f"docker.io/library/base{number + 1}:1",)

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        for _ in range(10):
            filled = len(world.content.pulled)
            await world.work()
            for pull in world.content.pulled[filled:]:
                repository, _, tag = pull.partition("/")[2].partition(":")
                await world.app.events.accept(REGISTRY_EVENTS, pushed(repository, tag))
                await world.app.events.accept(REGISTRY_EVENTS, pushed(repository, None))

        assert [rule.source for rule in world.registries.rules.values()] == ["docker.io/library/base0"]
        assert world.lineage.read == [f"app:{DIGEST}"]

    async def test_a_fill_through_somebodys_own_rule_is_recognised_too(self) -> None:
        """Its target lies outside the policy's prefixes; ARM's rules say that it is one."""
        world = TestApplication()
        world.registries.rules["theirs"] = CacheRule("theirs", "docker.io/library/*", "mirror/*", None)
        world.lineage.bases["mirror/node"] = ("docker.io/library/debian:12",)

        await world.app.events.accept(REGISTRY_EVENTS, pushed("mirror/node"))
        await world.work()

        assert world.lineage.read == []
        assert await outcome(world) == ("ignored", "cache_fill")

    async def test_trouble_that_passes_ends_in_the_same(self) -> None:
        """The message is tried again later, and none is lost."""
        world = TestApplication()
        world.lineage.bases["app"] = ("nginx:1.27",)
        world.lineage.trouble["made_of"] = [TemporaryError("busy", retry_after=3)] * 2

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        await world.work()

        assert [rule.source for rule in world.registries.rules.values()] == [NGINX]

    async def test_an_image_that_is_gone_is_given_up_with_a_record(self) -> None:
        """After several looks the message fails, and the queue makes it a dead letter."""
        world = TestApplication()
        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))

        with pytest.raises(NotServed):
            await world.work()

        assert len(world.lineage.read) == 6


class TestVault:
    """Events of Key Vault: the same way as the others', and what they say is read again."""

    @staticmethod
    def vault(kind: str = "SecretExpired", secret: str = "dockerhub-token", **changes: Any) -> dict[str, Any]:  # noqa: S107 - a name
        """An event as the documentation has it, a space too many in a key and in the version."""
        return {
            "id": f"{kind}-{secret}",
            "topic": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/contoso-kv",
            "subject": secret,
            "eventType": f"Microsoft.KeyVault.{kind}",
            "eventTime": "2026-11-24T08:59:00Z",
            "data": {
                "Id": f"https://contoso-kv.vault.azure.net/secrets/{secret}/v2",
                "ObjectName ": secret,
                "Version": " ",
            },
            "dataVersion": "1",
        } | changes

    @pytest.mark.parametrize("schema", [dict, cloud])
    async def test_an_end_begins_one_rotation(self, schema: Any) -> None:
        """In both schemas; the same event again is a duplicate, and everything is accounted for."""
        world = RotatingApplication()
        event = schema(self.vault())

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
            (vault(secret="unrelated"), "secret_not_in_policy"),
            (vault(kind="KeyExpired"), "not_a_secret_event"),
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

        taken = await world.app.events.accept(VAULT_EVENTS, self.vault(data={"Id": "nonsense"}))

        assert taken.outcome == "dead-letter"
        totals = await world.app.reports.deliveries()
        assert (totals.outcomes, totals.add_up) == ({"dead-letter": 1}, True)

    async def test_a_vault_in_trouble_is_asked_again(self) -> None:
        """The event waits on the queue, and Event Grid need not send it again."""
        world = RotatingApplication()
        await world.app.events.accept(VAULT_EVENTS, self.vault())
        world.vaults.trouble = [TemporaryError("throttled")]
        await world.work()

        assert await outcome(world) == ("credential", "started")
