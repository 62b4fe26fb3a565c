"""The app in its host: alerts over HTTP, keys, and what happens when the outside is in trouble."""

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest

from sandbox import scenario
from sandbox.demo.stage import Stage
from sandbox.frame.faults import FaultRule
from sandbox.waiting import until
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, rules_of, settled

NGINX = "docker.io/library/nginx"


async def post(stage: Stage, body: bytes, *, key: str | None = None) -> tuple[int, dict[str, str], Any]:
    """POST /api/alerts; the status, the headers and the body as JSON, None where it is none."""
    headers = {"x-functions-key": stage.host.keys.function if key is None else key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{stage.host.url}/api/alerts", data=body, headers=headers) as answer,
    ):
        content = await answer.json(content_type=None) if answer.content_type.endswith("json") else None
        return answer.status, dict(answer.headers), content


class TestIntake:
    """`POST /api/alerts`."""

    async def test_what_the_caller_gets_for_what(self, open_stage: OpenStage) -> None:
        """A wrong key 401, no JSON and an unknown schema 400, too large 413: each with what was expected."""
        async with open_stage() as stage:
            wrong_key, _, _ = await post(stage, b"{}", key="wrong")
            not_json = await post(stage, b"{")
            unknown = await post(stage, b'{"schemaId": "x"}')
            too_large = await post(stage, b" " * 300_000)

        assert wrong_key == 401
        for (status, headers, problem), expected in ((not_json, 400), (unknown, 400), (too_large, 413)):
            assert status == expected
            assert headers["Content-Type"].startswith("application/problem+json")
            assert {"type", "title", "status", "detail", "code", "hint"} <= problem.keys()
        assert "azureMonitorCommonAlertSchema" in unknown[2]["detail"]

    async def test_trouble_with_the_storage_is_503_with_retry_after(self, open_stage: OpenStage) -> None:
        """The action group calls again after 503; after 500 the alert would be lost."""
        nowhere = (
            "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=AAAA;"
            "QueueEndpoint=http://127.0.0.1:9/x;TableEndpoint=http://127.0.0.1:9/x"
        )
        async with open_stage(settings={"AzureWebJobsStorage": nowhere}) as stage:
            await exhaust_and_fail(stage, "nginx:1.27")
            [alert] = await _alerts_sent(stage)

            status, headers, problem = await post(stage, alert)

        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert problem["status"] == 503

    async def test_an_invalid_policy_is_told_and_loses_no_alert(self, open_stage: OpenStage, tmp_path: Any) -> None:
        """503, with the line of the policy; the action group calls again while somebody mends it."""
        broken = tmp_path / "broken.yaml"
        broken.write_text("version: 1\nmode: enfroce\n", encoding="utf-8")
        async with open_stage(settings={"CACHEWARDEN_POLICY": str(broken)}) as stage:
            status, _, problem = await post(stage, b"{}")

        assert status == 503
        assert problem["code"] == "policy_invalid"
        assert "line 2" in problem["detail"] or ":2" in problem["detail"]


async def _alerts_sent(stage: Stage) -> list[bytes]:
    """The alert that Azure Monitor would post, caught on its way to nowhere."""
    await stage.world.monitor.evaluate(scenario.ALERT_RULE.name)
    return [msgspec.json.encode(e.request_body) for e in stage.world.exchanges.exchanges("alerts")][:1]


class TestTrouble:
    """The outside fails once at each call, and the cure comes all the same."""

    @pytest.mark.parametrize(
        "rule",
        [
            FaultRule(service="logs", status=429, headers={"Retry-After": "1"}, times=1),
            FaultRule(service="arm", method="PUT", path="/credentialSets/", drop=True, times=1),
            FaultRule(service="arm", method="PUT", path="/roleAssignments/", status=500, times=1),
            FaultRule(
                service="arm", method="PUT", path="/cacheRules/", status=429, headers={"Retry-After": "1"}, times=1
            ),
            FaultRule(service="registry", path="/manifests/", status=503, times=1),
            FaultRule(service="topic", status=503, times=1),
        ],
        ids=["logs", "credential set", "role assignment", "cache rule", "registry", "topic"],
    )
    async def test_one_failure_of(self, open_stage: OpenStage, rule: FaultRule) -> None:
        """One rule, one notice, verified."""
        async with open_stage() as stage:
            stage.world.faults.add(rule)
            await exhaust_and_fail(stage, "nginx:1.27")
            await fire(stage)

            assert await settled(stage, 1) == {NGINX: "verified"}
            assert rules_of(stage) == {NGINX: "docker-hub/library/nginx"}
            assert await _told(stage) == 1


async def _told(stage: Stage) -> int:
    """How many notices the topic has, by their ids, once there is one."""

    async def look() -> bool:
        return bool(stage.world.topic.events)

    await until(look, seconds=20)
    return len({published.event["id"] for published in stage.world.topic.events})


class TestNextImage:
    """The alert rule is stateless: it fires again while an earlier image still fails."""

    async def test_an_image_that_fails_later_is_cured_as_well(self, open_stage: OpenStage) -> None:
        """The first one's workload goes on pulling from Docker Hub; the second one is not missed for that."""
        async with open_stage() as stage:
            await exhaust_and_fail(stage, "nginx:1.27")
            await fire(stage)
            await settled(stage, 1)

            await exhaust_and_fail(stage, "nginx:1.27", "redis:7")
            await fire(stage)

            states = await settled(stage, 2)

        assert states == {NGINX: "verified", "docker.io/library/redis": "verified"}


class TestTwoHosts:
    """Several instances on the same queues."""

    async def test_one_rule_per_image(self, open_stage: OpenStage) -> None:
        """Six alerts about three images, taken by two hosts at once: every rule is put once, every notice is one."""
        images = ("nginx:1.27", "redis:7", "jannemattila/webapp-network-tester:1.0.47")
        async with open_stage() as stage, stage.another_host():
            await exhaust_and_fail(stage, *images)
            await fire(stage)
            alert = stage.world.exchanges.exchanges("alerts")[0].request_body
            copies = []
            for number in range(5):
                copy = msgspec.json.decode(msgspec.json.encode(alert))
                copy["data"]["essentials"]["alertId"] += str(number)
                copies.append(post(stage, msgspec.json.encode(copy)))
            assert [status for status, _, _ in await asyncio.gather(*copies)] == [202] * 5

            states = await settled(stage, 3)

            assert set(states.values()) == {"verified"}
            assert len(rules_of(stage)) == 3
            puts = stage.world.exchanges.exchanges("arm", method="PUT", path="/cacheRules/")
            assert len(puts) == 3
            assert len(stage.world.exchanges.exchanges("arm", method="PUT", path="/credentialSets/")) == 1
