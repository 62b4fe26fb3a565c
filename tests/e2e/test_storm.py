"""A storm on four hosts that share queues and tables: nothing lost, nothing twice.

A small one among the other tests; `make nightly` has ten thousand deliveries.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path

import aiohttp
import msgspec
import pytest

from sandbox.demo.stage import Stage
from sandbox.sink.models import Kind
from sandbox.waiting import until
from shared.adapters.tables.leases import CLOCK_SKEW
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, rules_of, settled
from tests.fixtures.skewed_clocks import find_faketime, skewed
from tests.support import NIGHTLY

IMAGES = ("nginx:1.27", "redis:7", "bitnami/redis:7.4")
ALERTS, DELIVERIES, PATIENCE_S = (2_000, 10_000, 900.0) if NIGHTLY else (30, 150, 60.0)
MOST_TRIES = 50

LARGEST_HOST_MB = 200
CHANNELS = """\
    tickets: {kind: webhook, url_secret: webhook-url}
  routes:
    - {channels: [topic, tickets]}
"""
FAKETIME = find_faketime()
AGREED = (0.0, 0.0, 0.0)
APART = (-CLOCK_SKEW.total_seconds() / 2, 1.0, CLOCK_SKEW.total_seconds() / 2)
"""Seconds by which the clocks of three hosts are ahead of the fourth's: the outermost are the tolerated skew apart."""

pytestmark = pytest.mark.timeout(2 * PATIENCE_S)


def two_channels(policy: str) -> str:
    """The scenario's policy with a webhook beside the topic."""
    return policy.partition("  routes:")[0] + CHANNELS


def peak_mb(process_id: int) -> float:
    """The most memory that a process has held, in MB (10^6 bytes)."""
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024 / 1e6


def heard(stage: Stage) -> dict[str, list[str]]:
    """The ids of the notices that each channel has received, repeated ones too."""
    return {
        "topic": [published.event["id"] for published in stage.world.topic.events],
        "tickets": [delivered.body["id"] for delivered in stage.world.sinks.deliveries],
    }


class TestStorm:
    """Four instances of the app."""

    @pytest.mark.parametrize(
        "ahead",
        [
            pytest.param(AGREED, id="clocks-agree"),
            pytest.param(
                APART,
                id="clocks-differ",
                marks=pytest.mark.skipif(
                    FAKETIME is None, reason="no libfaketime is installed (apt-get install faketime)"
                ),
            ),
        ],
    )
    async def test_one_rule_one_notice_and_every_delivery_accounted_for(
        self, open_stage: OpenStage, ahead: tuple[float, ...]
    ) -> None:
        """Deliveries in any order, each at any of the hosts, most of them several times."""
        settings = {"CACHEWARDEN_PRIVATE_RECEIVERS": "127.0.0.0/8,::1/128"}
        async with open_stage(policy_edit=two_channels, settings=settings) as stage, AsyncExitStack() as hosts:
            receiver = stage.world.sinks.add(Kind.WEBHOOK, "tickets")
            stage.world.vault.write("webhook-url", f"{stage.world.urls.sink}{receiver}")
            others = [
                stage.another_host(**(skewed(FAKETIME, seconds) if FAKETIME and seconds else {})) for seconds in ahead
            ]
            await asyncio.gather(*(hosts.enter_async_context(host) for host in others))
            await exhaust_and_fail(stage, *IMAGES)
            await fire(stage)
            alert = msgspec.json.encode(stage.world.exchanges.exchanges("alerts")[0].request_body)
            chance = random.Random(7)  # noqa: S311 - reproducible, not secret
            numbers = [*range(ALERTS), *chance.choices(range(ALERTS), k=DELIVERIES - ALERTS)]
            chance.shuffle(numbers)

            async with aiohttp.ClientSession(headers={"x-functions-key": stage.host.keys.function}) as session:

                async def post(number: int) -> int:
                    copy = msgspec.json.decode(alert)
                    copy["data"]["essentials"]["alertId"] += f"-{number}"
                    host = chance.choice([stage.host, *others])
                    async with session.post(f"{host.url}/api/alerts", json=copy) as answer:
                        return answer.status

                gate = asyncio.Semaphore(16)

                async def accepted(number: int) -> None:
                    """Deliver it, again where the app asks for that, as senders do."""
                    async with gate:
                        statuses = [await post(number)]
                        while statuses[-1] == HTTPStatus.SERVICE_UNAVAILABLE and len(statuses) < MOST_TRIES:
                            statuses.append(await post(number))
                        assert statuses[-1] == HTTPStatus.ACCEPTED

                await asyncio.gather(*map(accepted, numbers))

            assert set((await settled(stage, len(IMAGES), seconds=PATIENCE_S)).values()) == {"verified"}

            async def done() -> bool:
                return "pending" not in (await stage.get("deliveries"))["outcomes"]

            await until(done, seconds=PATIENCE_S, every_s=0.3)
            totals = await stage.get("deliveries")
            assert totals["received"] >= DELIVERIES + 1  # one that was answered 503 may have been counted
            assert totals["received"] - totals["duplicates"] == ALERTS + 1
            assert (totals["outcomes"], totals["ignored"], totals["unread"]) == ({"incident": ALERTS + 1}, {}, {})
            assert len(rules_of(stage)) == len(IMAGES)
            puts = stage.world.exchanges.exchanges("arm", method="PUT", path="/cacheRules/")
            assert len(puts) == len(IMAGES)

            async def told() -> bool:
                return min(len(notices) for notices in heard(stage).values()) >= len(IMAGES)

            await until(told, seconds=PATIENCE_S / 3)
            assert {channel: len(notices) for channel, notices in heard(stage).items()} == {
                channel: len(IMAGES) for channel in ("topic", "tickets")
            }
            assert await stage.get("dead-letters") == []
            assert [
                host.process_id for host in (stage.host, *others) if peak_mb(host.process_id) > LARGEST_HOST_MB
            ] == []
