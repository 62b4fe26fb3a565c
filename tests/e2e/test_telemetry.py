"""The app with telemetry switched on: the worker starts the exporter, and one trace reaches Application Insights."""

import json
from collections.abc import Iterable
from typing import Any

import aiohttp
import msgspec
import pytest

from sandbox.demo.stage import Stage
from sandbox.insights.models import Item
from sandbox.waiting import until
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, settled

pytestmark = pytest.mark.timeout(240)

QUICK = {"OTEL_METRIC_EXPORT_INTERVAL": "1000", "OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BLRP_SCHEDULE_DELAY": "200"}
"""Milliseconds; the exporter's own are five seconds and a minute."""


def names(stage: Stage) -> set[str]:
    """The names of the spans that have arrived."""
    return {item.name for item in stage.world.insights.spans()}


async def arrived(stage: Stage, *wanted: str) -> None:
    """Wait until these spans have been exported, which happens every few seconds."""

    async def look() -> bool:
        return set(wanted) <= names(stage)

    try:
        await until(look, seconds=60, every_s=0.1)
    except TimeoutError:
        raise AssertionError(f"only {sorted(names(stage))} arrived\n{stage.host.log[-4000:]}") from None


async def test_one_trace_from_the_alert_to_the_notice(open_stage: OpenStage) -> None:
    """Through the real worker, the real exporter and two queues, with the identity's token; and nothing leaks."""
    async with open_stage(telemetry=True, settings=QUICK) as stage:
        await exhaust_and_fail(stage, "nginx:1.27")
        await fire(stage)
        await settled(stage, 1)
        await arrived(stage, "notification.send", "event_grid.publish", "verification")

        async def metrics_and_lines_are_there() -> bool:
            counted = any(
                item.name == "cachewarden.plan.actions" for item in stage.world.insights.of_kind("MetricData")
            )
            return counted and said(stage.world.insights.items) >= {"incident.verified", "notice.sent"}

        await until(metrics_and_lines_are_there, seconds=60, every_s=0.1)
        items = list(stage.world.insights.items)

    spans = [item for item in items if item.kind in {"RemoteDependencyData", "RequestData"}]
    [operation] = {item.operation for item in spans if item.name == "intake.alert"}
    assert {item.name for item in spans if item.operation == operation} >= {
        "intake.alert",
        "queues.send",
        "process remediations",
        "detection",
        "log_analytics.query",
        "curing",
        "arm.create_cache_rule",
        "verification",
        "acr.pull",
        "process notifications",
        "notification.send",
        "event_grid.publish",
    }
    ours = [item for item in items if item.operation == operation]
    assert said(ours) >= {"incident.verified", "notice.sent"}
    assert {line["trace_id"] for line in lines_of(ours)} == {operation}

    shown = msgspec.json.encode([item for item in items if item.kind != "MessageData"]).decode()
    assert [word for word in ("nginx", "contosobot", "dckr_pat_", "toomanyrequests", "Bearer") if word in shown] == []


def lines_of(items: Iterable[Item]) -> list[dict[str, Any]]:
    """The lines that we logged, among all that was sent; the host's own are JSON now and then as well."""
    messages = (item.data.get("message", "") for item in items)
    lines = [json.loads(message) for message in messages if message.startswith('{"')]
    return [line for line in lines if "event" in line]


def said(items: Iterable[Item]) -> set[str]:
    """The events of the lines that we logged."""
    return {line["event"] for line in lines_of(items)}


async def test_a_caller_goes_on_in_its_own_trace(open_stage: OpenStage) -> None:
    """Whoever calls with a trace finds the app's work in it."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with open_stage(telemetry=True, settings=QUICK) as stage:
        headers = {"x-functions-key": stage.host.keys.function, "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{stage.host.url}/api/alerts", data=b"{}", headers=headers) as answer,
        ):
            assert answer.status == 400
        await arrived(stage, "intake.alert")

        [span] = [item for item in stage.world.insights.spans() if item.name == "intake.alert"]

    assert span.operation == trace
    assert span.data["success"] is False
    assert span.data["properties"]["cachewarden.error"] == "unknown_alert"
