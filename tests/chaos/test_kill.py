"""kill -9 of the host between any two steps, and a restart: the end is always the same.

The moment is chosen by holding a request of the host: it is killed while it waits, before the service has done
anything, or after it has done everything and the answer is lost.
"""

import msgspec
import pytest

from sandbox import scenario
from sandbox.demo.stage import Stage
from sandbox.frame.faults import FaultRule, Phase
from sandbox.topic.schemas import Schema
from sandbox.waiting import until
from tests.fixtures.app import OpenStage, deliver_events, exhaust_and_fail, fire, push_built_on, rules_of, settled

IMAGES = ("jannemattila/webapp-network-tester:1.0.47", "nginx:1.27")
SOURCES = ("docker.io/jannemattila/webapp-network-tester", "docker.io/library/nginx")

MOMENTS = {
    "asking the logs": FaultRule(service="logs", hold=True, times=1),
    "reading the registry": FaultRule(service="arm", method="GET", path="/registries/contoso", hold=True, times=1),
    "before the credential set": FaultRule(service="arm", method="PUT", path="/credentialSets/", hold=True, times=1),
    "after the credential set": FaultRule(
        service="arm", method="PUT", path="/credentialSets/", phase=Phase.AFTER, hold=True, times=1
    ),
    "before the role assignment": FaultRule(service="arm", method="PUT", path="/roleAssignments/", hold=True, times=1),
    "after the first role assignment": FaultRule(
        service="arm", method="PUT", path="/roleAssignments/", phase=Phase.AFTER, hold=True, times=1
    ),
    "before the first cache rule": FaultRule(service="arm", method="PUT", path="/cacheRules/", hold=True, times=1),
    "after the first cache rule": FaultRule(
        service="arm", method="PUT", path="/cacheRules/", phase=Phase.AFTER, hold=True, times=1
    ),
    "while the first operation runs": FaultRule(service="arm", path="/operationStatuses/", hold=True, times=1),
    "before the second cache rule": FaultRule(
        service="arm", method="PUT", path="/cacheRules/", hold=True, skip=1, times=1
    ),
    "before the first pull": FaultRule(service="registry", path="/manifests/", hold=True, times=1),
    "after the first pull": FaultRule(
        service="registry", path="/manifests/", phase=Phase.AFTER, hold=True, skip=1, times=1
    ),
    "before the notice": FaultRule(service="topic", hold=True, times=1),
    "after the notice": FaultRule(service="topic", phase=Phase.AFTER, hold=True, times=1),
}


EVENT_MOMENTS = {
    **MOMENTS,
    "before the pull": FaultRule(service="registry", path="docker-hub.*/manifests/", hold=True, times=1),
}


class TestKill:
    """A host that dies leaves nothing that the next one can't take further."""

    @pytest.mark.parametrize("moment", MOMENTS)
    async def test_the_end_is_the_same_when_the_host_dies(self, open_stage: OpenStage, moment: str) -> None:
        """One credential set, one rule per image, one notice per incident, all verified."""
        async with open_stage() as stage:
            fault = stage.world.faults.add(MOMENTS[moment])
            await exhaust_and_fail(stage, *IMAGES)
            await fire(stage)
            await fault.wait_until_held()

            await stage.host.kill()
            stage.world.faults.clear()
            await stage.host.start()

            assert await settled(stage, len(IMAGES)) == dict.fromkeys(SOURCES, "verified")
            assert sorted(rules_of(stage)) == sorted(SOURCES)
            registry = stage.world.arm.registry(scenario.SUBSCRIPTION, scenario.GROUP, scenario.REGISTRY)
            assert len(registry.credential_sets) == 1

            async def told() -> bool:
                return len({p.event["id"] for p in stage.world.topic.events}) >= len(IMAGES)

            await until(told, seconds=20)
            assert len({p.event["id"] for p in stage.world.topic.events}) == len(IMAGES)

    async def test_an_alert_that_was_accepted_is_never_lost(self, open_stage: OpenStage) -> None:
        """Killed right after the 202, before the worker took the message: the next host does."""
        async with open_stage(settings={"AzureWebJobs.remediations.Disabled": "true"}) as stage:
            await exhaust_and_fail(stage, *IMAGES)
            await fire(stage)
            await stage.host.kill()

            async with stage.another_host(**{"AzureWebJobs.remediations.Disabled": "false"}) as second:
                successor = msgspec.structs.replace(stage, host=second)
                assert await settled(successor, len(IMAGES)) == dict.fromkeys(SOURCES, "verified")


class TestEvent:
    """A host that dies while it works on an event."""

    @pytest.mark.parametrize("moment", ["after the credential set", "before the first cache rule", "before the pull"])
    async def test_the_event_counts_as_what_it_led_to(self, open_stage: OpenStage, moment: str) -> None:
        """The next host finds the incident opened, and does not say that there was nothing to do."""
        async with open_stage() as stage:
            fault = stage.world.faults.add(EVENT_MOMENTS[moment])
            event = push_built_on(stage, "nginx:1.27")
            assert await deliver_events(stage, "registry_events", [event], Schema.EVENT_GRID) == 202
            await fault.wait_until_held()

            await stage.host.kill()
            stage.world.faults.clear()
            await stage.host.start()

            assert await settled(stage, 1) == {SOURCES[1]: "verified"}

            async def accounted() -> bool:
                return bool((await stage.get("deliveries"))["outcomes"] == {"incident": 1})

            await until(accounted, seconds=20)


class TestOperations:
    """A host that dies while Azure goes on with what it has accepted."""

    async def test_the_next_host_waits_for_the_end(self, open_stage: OpenStage) -> None:
        """It asks where the first one asked, and puts nothing a second time."""
        async with open_stage() as stage:
            stage.world.arm.settings.operation_polls = 3
            polled = await _killed_while_the_rule_is_made(stage)
            await stage.host.start()

            assert await settled(stage, 1) == {SOURCES[1]: "verified"}
            assert len(stage.world.exchanges.exchanges("arm", method="PUT", path="/cacheRules/")) == 1
            polls = stage.world.exchanges.exchanges("arm", method="GET", path="/cacheRules/.*/operationStatuses/")
            assert len(polls) > 3
            assert {poll.url.partition("/operationStatuses/")[2] for poll in polls} == {polled}

    async def test_what_failed_meanwhile_is_told_in_azure_s_words(self, open_stage: OpenStage) -> None:
        """The operation's own error is on the incident, and nobody had to make the rule again to learn it."""
        async with open_stage() as stage:
            stage.world.arm.operations.fail_next("cacheRules", "NoSuchThing", "Not in this region.")
            await _killed_while_the_rule_is_made(stage)
            stage.world.arm.operations.settle()
            await stage.host.start()

            assert await settled(stage, 1) == {SOURCES[1]: "failed"}
            [summary] = await stage.get("incidents")
            report = await stage.get(f"incidents/{summary['id']}")
            assert report["incident"]["reason"] == "NoSuchThing"
            assert "Not in this region." in report["incident"]["detail"]
            assert report["incident"]["operation"] is None
            assert len(stage.world.exchanges.exchanges("arm", method="PUT", path="/cacheRules/")) == 1


async def _killed_while_the_rule_is_made(stage: Stage) -> str:
    """A host that is killed when it first asks about the operation of nginx's rule; what it asked for."""
    fault = stage.world.faults.add(
        FaultRule(service="arm", method="GET", path="/cacheRules/.*/operationStatuses/", hold=True, times=1)
    )
    await exhaust_and_fail(stage, IMAGES[1])
    await fire(stage)
    [held] = await fault.wait_until_held()
    await stage.host.kill()
    stage.world.faults.clear()
    return held.path.partition("/operationStatuses/")[2]
