"""The webhook that Event Grid delivers to."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.host.running import RunningHost

PATH = "/runtime/webhooks/eventgrid"
NOTIFICATION = {"aeg-event-type": "Notification"}


def event(**data: object) -> dict[str, Any]:
    """An event in Event Grid's own schema."""
    return {
        "id": str(uuid4()),
        "topic": "/subscriptions/0/x",
        "subject": "s",
        "eventType": "Test.Happened",
        "eventTime": "2026-11-24T01:02:03.1234567Z",
        "data": data,
        "dataVersion": "1",
    }


async def deliver(
    host: RunningHost,
    body: object,
    function: str = "on_event",
    *,
    key: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Post a delivery as Event Grid does; the status and the text of the answer."""
    query = {"functionName": function, "code": host.keys.eventgrid_extension if key is None else key}
    data = body if isinstance(body, bytes) else json.dumps(body)
    async with host.http.post(PATH, params=query, data=data, headers=headers or NOTIFICATION) as response:
        return response.status, await response.text()


class TestDelivery:
    """Events reach the function."""

    async def test_batch_runs_in_parallel(self, host: RunningHost) -> None:
        """All events of a delivery run at once: the gate opens only when all have begun."""
        gate = str(uuid4())
        batch = [event(gate=gate) for _ in range(3)]
        delivery = deliver(host, batch)

        async def open_when_all_wait() -> None:
            for waiting in batch:
                await host.journal.wait_for("on_event", id=waiting["id"])
            host.journal.open_gate(gate)

        (status, _), _ = await asyncio.gather(delivery, open_when_all_wait())
        assert status == 202

    async def test_one_object_is_one_event(self, host: RunningHost) -> None:
        """A body that is an object instead of an array is one event."""
        single = event()

        assert await deliver(host, single) == (202, "")
        assert len(host.journal.of("on_event", id=single["id"])) == 1

    async def test_one_failure_fails_the_delivery(self, host: RunningHost) -> None:
        """When one event of several fails, the others run too, and the answer is 500: Event Grid sends all again."""
        good, bad = event(), event(fail=True)
        status, text = await deliver(host, [bad, good])

        assert (status, text) == (500, "Exception while executing function: Functions.on_event")
        assert len(host.journal.of("on_event", id=good["id"])) == 1

    async def test_cloud_event(self, host: RunningHost) -> None:
        """An event in the CloudEvents schema reaches a function that takes a CloudEvent."""
        cloud = {"specversion": "1.0", "id": str(uuid4()), "source": "/s", "type": "t", "data": {"a": [1]}}

        assert await deliver(host, cloud, "on_cloud_event") == (202, "")
        (entry,) = host.journal.of("on_cloud_event", id=cloud["id"])
        assert (entry["source"], entry["type"], entry["data"]) == ("/s", "t", {"a": [1]})

    async def test_output_is_written_before_the_answer(self, host: RunningHost) -> None:
        """What the function puts into a queue arrives there, and wakes the host's own listener."""
        number = str(uuid4())

        assert (await deliver(host, event(send=json.dumps({"number": number}))))[0] == 202
        await host.journal.wait_for("work finished", order={"number": number})


class TestHandshake:
    """Event Grid proves that the endpoint wants its events."""

    @pytest.mark.parametrize(
        "body",
        [
            [{"data": {"validationCode": "c0de"}}],
            {"data": json.dumps({"validationCode": "c0de"})},
            {"data": {"validationCode": "c0de"}},
        ],
        ids=["event grid schema", "cloud event, data as text", "cloud event, data as object"],
    )
    async def test_subscription_validation(self, host: RunningHost, body: object) -> None:
        """The validation code comes back."""
        answer = await deliver(host, body, headers={"aeg-event-type": "SubscriptionValidation"})

        assert answer == (200, '{"validationResponse":"c0de"}')

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [("eventgrid.azure.us", "eventgrid.azure.us"), ("evil.example", "eventgrid.azure.net")],
    )
    async def test_cloud_events_options(self, host: RunningHost, origin: str, allowed: str) -> None:
        """OPTIONS answers with the origin when it is one of Event Grid's, else with Event Grid's main one."""
        query = {"functionName": "on_cloud_event", "code": host.keys.eventgrid_extension}
        headers = {"WebHook-Request-Origin": origin}
        async with host.http.options(PATH, params=query, headers=headers) as response:
            assert (response.status, response.headers["Webhook-Allowed-Origin"]) == (200, allowed)

    async def test_unsubscribe(self, host: RunningHost) -> None:
        """The notice that a subscription is gone is accepted and runs nothing."""
        assert await deliver(host, [event()], headers={"aeg-event-type": "Unsubscribe"}) == (202, "")


class TestRefusal:
    """What the webhook turns away."""

    @pytest.mark.parametrize("key", ["", "wrong"])
    async def test_no_key(self, host: RunningHost, key: str) -> None:
        """Without the system key the answer is 401."""
        assert (await deliver(host, [event()], key=key))[0] == 401

    async def test_function_key(self, host: RunningHost) -> None:
        """A function key does not open the webhook; the master key does."""
        statuses = [(await deliver(host, [event()], key=key))[0] for key in (host.keys.function, host.keys.master)]

        assert statuses == [401, 202]

    async def test_handshake_needs_the_key_too(self, host: RunningHost) -> None:
        """OPTIONS without a key is 401."""
        async with host.http.options(PATH, params={"functionName": "on_cloud_event"}) as response:
            assert response.status == 401

    @pytest.mark.parametrize("function", ["unknown", "", "work", "ON_EVENT"])
    async def test_unknown_function(self, host: RunningHost, function: str) -> None:
        """A name that is no Event Grid function's, case included, is 404."""
        answer = await deliver(host, [event()], function)

        assert answer == (404, f"cannot find function: '{function}'")

    @pytest.mark.parametrize("headers", [{"aeg-event-type": "Other"}, {"x": "y"}])
    async def test_unknown_kind(self, host: RunningHost, headers: dict[str, str]) -> None:
        """Another aeg-event-type, or none, is 400, which Event Grid never tries again."""
        assert (await deliver(host, [event()], headers=headers))[0] == 400

    @pytest.mark.parametrize("body", [b"no json", b"17"])
    async def test_unreadable_body(self, host: RunningHost, body: bytes) -> None:
        """A body that is no JSON object or array is 500."""
        assert (await deliver(host, body))[0] == 500

    async def test_other_extension(self, host: RunningHost) -> None:
        """Another extension's webhook does not exist."""
        async with host.http.post("/runtime/webhooks/blobs", params={"code": host.keys.master}) as response:
            assert response.status == 404
