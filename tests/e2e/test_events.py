"""Events, poison messages and the sweep in a running host, against the emulated Azure."""

from typing import Any

import aiohttp
import msgspec
import pytest

from sandbox import scenario
from sandbox.demo.stage import Stage
from sandbox.frame.faults import FaultRule
from sandbox.oci.images import multi_arch_image
from sandbox.topic.delivery import Subscription
from sandbox.topic.schemas import Schema, as_cloud_event
from sandbox.waiting import until
from shared.adapters.queues import StorageQueue
from shared.adapters.storage import StorageAccount
from shared.domain.lineage import BASE_NAME
from tests.fixtures.app import OpenStage, deliver_events, exhaust_and_fail, fire, push_built_on, rules_of, settled
from tests.fixtures.events import pushed

NGINX = "docker.io/library/nginx"


async def post(stage: Stage, path: str) -> Any:
    """POST without a body, with the function key; the answer's JSON."""
    headers = {"x-functions-key": stage.host.keys.function}
    async with (
        aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
        session.post(f"{stage.host.url}/api/{path}") as answer,
    ):
        return await answer.json(content_type=None)


async def text(stage: Stage, path: str) -> str:
    """GET with the function key; the answer's text."""
    headers = {"x-functions-key": stage.host.keys.function}
    async with (
        aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
        session.get(f"{stage.host.url}/api/{path}") as answer,
    ):
        return await answer.text()


async def sweep(stage: Stage) -> None:
    """Call the timer's function, as the portal's Run button does."""
    headers = {"x-functions-key": stage.host.keys.master}
    async with (
        aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
        session.post(f"{stage.host.url}/admin/functions/sweep", json={"input": ""}),
    ):
        pass


def resource_event(name: str) -> dict[str, Any]:
    """What Resource Manager publishes when somebody deletes a cache rule."""
    scope = f"{scenario.REGISTRY_ID}/cacheRules/{name}"
    return {
        "id": f"deleted-{name}",
        "topic": f"/subscriptions/{scenario.SUBSCRIPTION}/resourceGroups/{scenario.GROUP}",
        "subject": scope,
        "eventType": "Microsoft.Resources.ResourceDeleteSuccess",
        "eventTime": "2026-11-24T02:00:00Z",
        "data": {
            "authorization": {"evidence": {"principalId": "11111111-1111-4111-8111-111111111111"}},
            "claims": {"name": "Anna Example"},
            "operationName": "Microsoft.ContainerRegistry/registries/cacheRules/delete",
        },
        "dataVersion": "2",
        "metadataVersion": "1",
    }


class TestEvents:
    """Event Grid's webhook, both schemas, through the queue to the effect."""

    async def test_pushes_deletions_and_changes(self, open_stage: OpenStage) -> None:
        """A pushed image's base is cached, our own fills are left alone, and a deleted rule is told of."""
        async with open_stage() as stage:
            world = stage.world
            for schema in Schema:
                images = Subscription(
                    name=f"images-{schema}", function="registry_events", source=scenario.REGISTRY_ID, schema=schema
                )
                await world.delivery.subscribe(images)
            await world.delivery.subscribe(Subscription(name="changes", function="resource_events"))

            image = multi_arch_image("shop", labels={BASE_NAME: "nginx:1.27"})
            world.acr.seed("shop", image, tag="1")
            await world.acr.push_manifest("shop", "1", image.manifest, "docker")

            assert await settled(stage, 1) == {NGINX: "verified"}
            assert rules_of(stage) == {NGINX: "docker-hub/library/nginx"}

            async def accounted() -> bool:
                totals = await stage.get("deliveries")
                return "pending" not in totals["outcomes"] and totals["received"] >= 6

            await until(accounted, seconds=20)
            assert rules_of(stage) == {NGINX: "docker-hub/library/nginx"}

            registry = world.arm.registry(scenario.SUBSCRIPTION, scenario.GROUP, scenario.REGISTRY)
            [name] = registry.rules
            del registry.rules[name]
            world.delivery.offer(resource_event(name))

            # The repository that the rule has filled is there, and ACR refuses a rule over it.
            async def blocked() -> bool:
                [incident] = await stage.get("incidents")
                return bool(incident["state"] == "blocked" and incident["reason"] == "target_repository_exists")

            await until(blocked, seconds=20)

            async def told() -> bool:
                return {"incident.prevented", "incident.drift", "incident.blocked"} <= {
                    published.event["type"].removeprefix("cachewarden.") for published in world.topic.events
                }

            await until(told, seconds=20)
            assert "Anna" not in stage.host.log
            assert {attempt.status for attempt in world.delivery.attempts} == {202}


class TestBatch:
    """A delivery of several events, as a subscription with batching makes it; one answer is for all of them."""

    @pytest.mark.parametrize("schema", Schema)
    async def test_a_poison_event_keeps_no_other_from_its_effect(self, open_stage: OpenStage, schema: Schema) -> None:
        """The delivery is accepted, twice as well; the poison event is a dead letter, the others are worked on."""
        async with open_stage() as stage:
            good = push_built_on(stage, "nginx:1.27")
            events = [pushed("shop", id="poison", topic=scenario.REGISTRY_ID, data={}), good, pushed("else", id="far")]
            batch = [as_cloud_event(event) if schema is Schema.CLOUD_EVENT else event for event in events]

            assert [await deliver_events(stage, "registry_events", batch, schema) for _ in range(2)] == [202, 202]

            assert await settled(stage, 1) == {NGINX: "verified"}

            async def accounted() -> bool:
                totals = await stage.get("deliveries")
                return bool(totals["outcomes"] == {"incident": 1, "ignored": 1, "dead-letter": 1})

            await until(accounted, seconds=20)
            totals = await stage.get("deliveries")
            assert (totals["received"], totals["duplicates"]) == (6, 3)
            assert totals["ignored"] == {"registry_not_in_policy": 1}
            [letter] = await stage.get("dead-letters")
            assert "the event names no repository" in letter["failures"][0]["text"]


class TestPoison:
    """A message that keeps failing."""

    async def test_it_becomes_a_dead_letter_that_can_be_replayed(
        self, open_stage: OpenStage, storage_account: str
    ) -> None:
        """With the errors of its attempts; people are told."""
        quick = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00"}
        async with open_stage(settings=quick) as stage:
            queue = StorageQueue(StorageAccount(connection_string=storage_account))
            await queue.send("remediations", b"not one of ours")
            await queue.aclose()

            async def dead() -> bool:
                return bool(await stage.get("dead-letters"))

            await until(dead, seconds=40, every_s=0.2)
            [letter] = await stage.get("dead-letters")
            assert (letter["origin"], letter["body"], letter["state"]) == ("remediations", "not one of ours", "dead")
            assert [failure["code"] for failure in letter["failures"]] == ["message_invalid"] * 5

            assert (await post(stage, f"dead-letters/{letter['id']}/replay"))["state"] == "replayed"

            async def dead_again() -> bool:
                [again] = await stage.get("dead-letters")
                return bool(again["deaths"] == 2)

            await until(dead_again, seconds=40, every_s=0.2)


class TestSweep:
    """The timer's function."""

    async def test_it_finds_what_no_alert_told_of(self, open_stage: OpenStage) -> None:
        """Swept at two hosts at once; one rule."""
        async with open_stage() as stage, stage.another_host():
            await exhaust_and_fail(stage, "nginx:1.27")

            for _ in range(2):
                await sweep(stage)

            assert await settled(stage, 1) == {NGINX: "verified"}
            assert len(stage.world.exchanges.exchanges("arm", method="PUT", path="/cacheRules/")) == 1
            assert (await stage.get("health/deep"))["condition"] == "healthy"
            trail = [msgspec.json.decode(line) for line in (await text(stage, "audit")).splitlines()]
            assert [entry["kind"] for entry in trail if entry["result"] == "done"] == [
                "create_credential_set",
                "grant_vault_access",
                "create_cache_rule",
            ]

    async def test_trouble_with_the_logs_loses_no_alert(self, open_stage: OpenStage) -> None:
        """The logs are down for longer than the queue's five attempts; the alert waits as a delayed message."""
        async with open_stage() as stage:
            fault = stage.world.faults.add(FaultRule(service="logs", status=503, headers={"Retry-After": "1"}))
            await exhaust_and_fail(stage, "nginx:1.27")
            await fire(stage)

            async def refused_often() -> bool:
                return bool(fault.fired > 8 * 6)

            await until(refused_often, seconds=40)
            stage.world.faults.clear()

            assert await settled(stage, 1) == {NGINX: "verified"}
            assert await stage.get("dead-letters") == []
