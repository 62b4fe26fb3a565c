"""A small storm on four hosts that share queues and tables: nothing lost, nothing twice."""

import asyncio
import random
from contextlib import AsyncExitStack

import aiohttp
import msgspec

from sandbox.waiting import until
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, rules_of, settled

IMAGES = ("nginx:1.27", "redis:7", "bitnami/redis:7.4")
ALERTS = 30
DELIVERIES = 150


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

                async def in_turn(number: int) -> int:
                    async with gate:
                        return await post(number)

                assert set(await asyncio.gather(*map(in_turn, numbers))) == {202}

            assert set((await settled(stage, len(IMAGES))).values()) == {"verified"}

            async def done() -> bool:
                return "pending" not in (await stage.get("deliveries"))["outcomes"]

            await until(done, seconds=60, every_s=0.3)
            totals = await stage.get("deliveries")
            assert totals == {
                "received": DELIVERIES + 1,
                "duplicates": DELIVERIES - ALERTS,
                "outcomes": {"incident": ALERTS + 1},
                "ignored": {},
                "unread": {},
            }
            assert len(rules_of(stage)) == len(IMAGES)
            puts = stage.world.exchanges.exchanges("arm", method="PUT", path="/cacheRules/")
            assert len(puts) == len(IMAGES)

            async def told() -> bool:
                return len({published.event["id"] for published in stage.world.topic.events}) >= len(IMAGES)

            await until(told, seconds=20)
            assert len(stage.world.topic.events) == len(IMAGES)
            assert await stage.get("dead-letters") == []
