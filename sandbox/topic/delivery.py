"""Delivers system topics' events to the function host's webhook as Event Grid does: handshake, retries, dead letters.

At least once and in no order, like the real thing: a receiver that answers too late or not with 200-204 gets the same
event again. Waiting times are Event Grid's, multiplied by `pace`, so that hours pass in seconds.
Documented: https://learn.microsoft.com/azure/event-grid/delivery-and-retry.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec

from sandbox.frame.service import Clock, system_clock
from sandbox.topic.dead_letters import DeadLetterContainer, GivenUp
from sandbox.topic.schemas import Schema, as_cloud_event

_SCHEDULE_S: Final = (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200)
_AT_LEAST_S: Final = {404: 300, 408: 120, 503: 30}
_NEVER_AGAIN: Final = frozenset({400, 401, 403, 413})
_ANSWER_WITHIN_S: Final = 30.0
_DEAD_LETTER_AFTER_S: Final = 300.0
_KEPT: Final = 10_000


class Outcome(StrEnum):
    """What became of an event for one subscription."""

    DELIVERED = "Delivered"
    DEAD_LETTERED = "DeadLettered"


class Delivery(msgspec.Struct, frozen=True):
    """One attempt: the subscription, the event, its number, and the status; 0 when there was no answer."""

    subscription: str
    event_id: str
    attempt: int
    status: int


class HandshakeFailed(Exception):
    """The endpoint did not prove that it wants events; the subscription was not made."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events go to which function.

    Attributes:
        name: the subscription's name.
        function: the function that takes the events, as the webhook's `functionName`.
        source: the ARM id of the topic's resource, or a prefix of it; without regard to case.
        event_types: full names of the types; empty takes all.
        subject_begins_with: a prefix of the subject.
        schema: the schema in which events are delivered.
        max_attempts: after how many attempts an event is a dead letter.
        ttl: after which time it is one.
    """

    name: str
    function: str
    source: str = ""
    event_types: frozenset[str] = frozenset()
    subject_begins_with: str = ""
    schema: Schema = Schema.EVENT_GRID
    max_attempts: int = 30
    ttl: timedelta = timedelta(minutes=1440)

    def takes(self, event: Mapping[str, Any]) -> bool:
        """Whether the event passes the subscription's filters."""
        return (
            str(event["topic"]).lower().startswith(self.source.lower())
            and (not self.event_types or event["eventType"] in self.event_types)
            and str(event["subject"]).startswith(self.subject_begins_with)
        )


class EventDelivery:
    """Event Grid's delivery to one function host; without subscriptions events are dropped, as there.

    Attributes:
        attempts: the latest 10,000 attempts.
        dead_letters: the events that were given up, with Event Grid's dead-letter fields.
    """

    def __init__(self, *, pace: float = 0.001, clock: Clock = system_clock) -> None:
        self.attempts: deque[Delivery] = deque(maxlen=_KEPT)
        self.dead_letters: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._pace = pace
        self._clock = clock
        self._host = ""
        self._key = ""
        self._subscriptions: dict[str, Subscription] = {}
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._container: DeadLetterContainer | None = None

    def leave_dead_letters_in(self, container: DeadLetterContainer) -> None:
        """From now on what is given up is also left in a blob container, as subscriptions with one have it."""
        self._container = container

    def connect(self, host: str, key: str) -> None:
        """Name the function host, and its `eventgrid_extension` system key; a host that came back is named again."""
        self._host, self._key = host.rstrip("/"), key

    async def subscribe(self, subscription: Subscription) -> None:
        """Make a subscription after the handshake with its endpoint; raises HandshakeFailed."""
        shake = self._options if subscription.schema is Schema.CLOUD_EVENT else self._validate
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                await shake(subscription)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise HandshakeFailed(f"{subscription.name}: {error!r}") from error
        self._subscriptions[subscription.name] = subscription

    def unsubscribe(self, name: str) -> None:
        """Delete a subscription; what is on its way to it goes on."""
        self._subscriptions.pop(name, None)

    async def publish(self, event: dict[str, Any]) -> None:
        """`offer` as a coroutine, which is what the registry awaits."""
        self.offer(event)

    def offer(self, event: dict[str, Any]) -> None:
        """Start delivering an event in Event Grid's schema to every subscription that takes it, and return at once."""
        for subscription in list(self._subscriptions.values()):
            if subscription.takes(event):
                task = asyncio.create_task(self._deliver(subscription, event))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until every event is delivered or a dead letter."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Give up what is on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, subscription: Subscription, event: dict[str, Any]) -> Outcome:
        published = self._clock()
        cloud = subscription.schema is Schema.CLOUD_EVENT
        body: Any = as_cloud_event(event) if cloud else [event]
        media = "application/cloudevents+json" if cloud else "application/json"
        for attempt in range(1, subscription.max_attempts + 1):
            tried = self._clock()
            status = await self._post(subscription, body, media, attempt)
            self.attempts.append(Delivery(subscription.name, event["id"], attempt, status))
            if 200 <= status <= 204:  # noqa: PLR2004 - documented: other 2xx are failures
                return Outcome.DELIVERED
            expired = tried - published >= subscription.ttl * self._pace
            if status in _NEVER_AGAIN or expired or attempt == subscription.max_attempts:
                reason = "TimeToLiveExceeded" if expired else "MaxDeliveryAttemptsExceeded"
                await self._bury(subscription, event, GivenUp(reason, attempt, status, published, tried))
                break
            wait = max(_SCHEDULE_S[min(attempt, len(_SCHEDULE_S)) - 1], _AT_LEAST_S.get(status, 0))
            await asyncio.sleep(wait * self._pace)
        return Outcome.DEAD_LETTERED

    async def _post(self, subscription: Subscription, body: Any, media: str, attempt: int) -> int:
        headers = {
            "aeg-event-type": "Notification",
            "aeg-subscription-name": subscription.name.upper(),
            "aeg-delivery-count": str(attempt - 1),
            "Content-Type": f"{media}; charset=utf-8",
        }
        try:
            async with (
                asyncio.timeout(_ANSWER_WITHIN_S),
                self._client().post(self._url(subscription), data=msgspec.json.encode(body), headers=headers) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def _validate(self, subscription: Subscription) -> None:
        code = str(uuid.uuid4())
        event = {
            "id": str(uuid.uuid4()),
            "topic": subscription.source,
            "subject": "",
            "data": {"validationCode": code},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": self._clock().isoformat(),
            "metadataVersion": "1",
            "dataVersion": "2",
        }
        headers = {"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": subscription.name.upper()}
        async with self._client().post(self._url(subscription), json=[event], headers=headers) as answer:
            body = await answer.read()
            proof = msgspec.json.decode(body) if answer.status == 200 and body else {}  # noqa: PLR2004 - 202 is not accepted
            if proof.get("validationResponse") != code:
                raise HandshakeFailed(f"{subscription.name}: validation was answered with {answer.status}")

    async def _options(self, subscription: Subscription) -> None:
        headers = {"WebHook-Request-Origin": "eventgrid.azure.net"}
        async with self._client().options(self._url(subscription), headers=headers) as answer:
            if answer.headers.get("WebHook-Allowed-Origin") not in {"eventgrid.azure.net", "*"}:
                raise HandshakeFailed(f"{subscription.name}: OPTIONS was answered with {answer.status}")

    async def _bury(self, subscription: Subscription, event: dict[str, Any], why: GivenUp) -> None:
        """Five minutes after the last attempt (documented)."""
        letter = why.beside(event, subscription.schema)
        self.dead_letters.append(letter)
        if self._container is not None:
            await asyncio.sleep(_DEAD_LETTER_AFTER_S * self._pace)
            await self._container.leave(subscription.name, [letter], self._clock())

    def _url(self, subscription: Subscription) -> str:
        query = urlencode({"functionName": subscription.function, "code": self._key})
        return f"{self._host}/runtime/webhooks/EventGrid?{query}"

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session
