"""A storm on four hosts that share queues and tables: nothing lost, nothing twice.

A small one among the other tests; `make nightly` has ten thousand deliveries.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from http import HTTPStatus

import aiohttp
import msgspec
import pytest

from sandbox.waiting import until
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, rules_of, settled
from tests.support import NIGHTLY

IMAGES = ("nginx:1.27", "redis:7", "bitnami/redis:7.4")
ALERTS, DELIVERIES, PATIENCE_S = (2_000, 10_000, 900.0) if NIGHTLY else (30, 150, 60.0)
MOST_TRIES = 50

pytestmark = pytest.mark.timeout(2 * PATIENCE_S)


class TestStorm:
    """Four instances of the app."""

    async def test_one_rule_one_notice_and_every_delivery_accounted_for(self, open_stage: OpenStage) -> None:
        """Deliveries in any order, each at any of the hosts, most of them several times."""
        async with open_stage() as stage, AsyncExitStack() as hosts:
            others = [stage.another_host() for _ in range(3)]
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
                return len({published.event["id"] for published in stage.world.topic.events}) >= len(IMAGES)

            await until(told, seconds=20)
            assert len(stage.world.topic.events) == len(IMAGES)
            assert await stage.get("dead-letters") == []
