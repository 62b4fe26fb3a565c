"""The action group: posts alerts to the app's function URL, with the sender's headers and its retry rules.

Documented (https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups): at most five more attempts after 5,
20, 5, 40 and 5 s, only for 408, 429, 503, 504 and connections that fail; after that no call to the endpoint for 15
minutes. Every other status ends it: an app that answers 500 has lost the alert.
"""

import asyncio
import base64
import time
import uuid
from collections import deque
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import msgspec

from sandbox.frame.exchanges import Exchange, ExchangeLog, json_body
from sandbox.frame.service import Clock, system_clock

_WAITS_S: Final = (5, 20, 5, 40, 5)
_AGAIN: Final = frozenset({408, 429, 503, 504})
_SUSPENSION: Final = timedelta(minutes=15)
_ANSWER_WITHIN_S: Final = 10.0
_KEPT: Final = 20_000


class AlertDelivery(msgspec.Struct, frozen=True):
    """What became of one alert.

    Attributes:
        alert_id: the alert's ARM id.
        rule: the name of the rule.
        condition: `Fired` or `Resolved`.
        statuses: the status of each attempt, 0 where there was no answer; empty while the endpoint is suspended.
        delivered: whether the app took it.
        seconds: how long the last attempt took.
    """

    alert_id: str
    statuses: tuple[int, ...]
    delivered: bool
    seconds: float = 0
    rule: str = ""
    condition: str = ""

    def __str__(self) -> str:
        """`alert cachewarden-pull-limit fired: 202`."""
        answers = ", ".join(str(status or "no answer") for status in self.statuses)
        return f"alert {self.rule} {self.condition.lower()}: {answers or 'not posted, the endpoint is suspended'}"


class ActionGroup:
    """One action group with one function action.

    Waiting times are Azure's, multiplied by `pace`.

    Attributes:
        deliveries: the latest 20,000 alerts that were posted, or dropped.
    """

    def __init__(self, exchanges: ExchangeLog, *, pace: float = 0.001, clock: Clock = system_clock) -> None:
        self.deliveries: deque[AlertDelivery] = deque(maxlen=_KEPT)
        self._exchanges = exchanges
        self._pace = pace
        self._clock = clock
        self._url = ""
        self._suspended_until: datetime | None = None
        self._session: aiohttp.ClientSession | None = None

    def connect(self, host: str, key: str) -> None:
        """Name the function host and the function's key, as the action group stores them."""
        self._url = f"{host.rstrip('/')}/api/alerts?code={key}"

    async def post(self, payload: dict[str, Any]) -> AlertDelivery:
        """Post an alert, and again as the retry rules have it; LookupError while no host is connected."""
        if not self._url:
            raise LookupError("the action group has no function: connect a host first")
        essentials = payload["data"]["essentials"]
        alert = AlertDelivery(
            alert_id=essentials["alertId"],
            statuses=(),
            delivered=False,
            rule=str(essentials.get("alertRule", "")),
            condition=str(essentials.get("monitorCondition", "")),
        )
        if self._suspended_until is not None and self._clock() < self._suspended_until:
            return self._done(alert)
        started = time.perf_counter()
        statuses = [await self._attempt(payload)]
        for wait in _WAITS_S:
            if statuses[-1] not in _AGAIN | {0}:
                break
            await asyncio.sleep(wait * self._pace)
            started = time.perf_counter()
            statuses.append(await self._attempt(payload))
        else:
            if statuses[-1] in _AGAIN | {0}:
                self._suspended_until = self._clock() + _SUSPENSION * self._pace
        delivered = 200 <= statuses[-1] < 300  # noqa: PLR2004 - success
        seconds = time.perf_counter() - started
        tried = msgspec.structs.replace(alert, statuses=tuple(statuses), delivered=delivered, seconds=seconds)
        return self._done(tried)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _done(self, delivery: AlertDelivery) -> AlertDelivery:
        self.deliveries.append(delivery)
        return delivery

    async def _attempt(self, payload: dict[str, Any]) -> int:
        headers = {
            "User-Agent": "IcMBroadcaster/1.0",
            "Content-Type": "application/json; charset=utf-8",
            "X-CorrelationContext": base64.b64encode(uuid.uuid4().bytes).decode(),
            "x-ms-request-id": str(uuid.uuid4()),
        }
        if self._session is None:
            self._session = aiohttp.ClientSession()
        body = msgspec.json.encode(payload)
        try:
            async with (
                asyncio.timeout(_ANSWER_WITHIN_S),
                self._session.post(self._url, data=body, headers=headers, expect100=True) as answer,
            ):
                content = await answer.read()
                self._record(headers, payload, answer, content)
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    def _record(
        self, headers: dict[str, str], payload: dict[str, Any], answer: aiohttp.ClientResponse, content: bytes
    ) -> None:
        self._exchanges.record(
            Exchange(
                service="alerts",
                method="POST",
                url=self._url,
                request_headers=headers,
                request_body=payload,
                status=answer.status,
                response_headers=dict(answer.headers),
                response_body=json_body(answer.content_type, content),
            )
        )
