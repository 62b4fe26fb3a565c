"""The emulated custom topic, published to with azure-eventgrid over TLS."""

import base64
import hashlib
import hmac
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from azure.core.credentials import AzureKeyCredential, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent
from azure.eventgrid.aio import EventGridPublisherClient

from sandbox.arm.access import AccessControl
from sandbox.arm.roles import EVENT_GRID_DATA_SENDER
from sandbox.identity.tokens import TokenAuthority
from sandbox.topic.handlers import TopicService
from sandbox.topic.models import Topic
from sandbox.topic.schemas import Schema
from tests.fixtures.credentials import StaticCredential
from tests.fixtures.serving import serving, session_certificates

TOPIC_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.EventGrid/topics/cachewarden"
SENDER = "sender-object-id"
BATCH = "application/cloudevents-batch+json"


class Publisher:
    """A topic, and ways to publish to it."""

    def __init__(self, schema: Schema = Schema.CLOUD_EVENT, *, local_auth: bool = True) -> None:
        self.tokens = TokenAuthority()
        access = AccessControl()
        access.grant(SENDER, EVENT_GRID_DATA_SENDER, TOPIC_ID)
        self.topic = Topic(TOPIC_ID, schema=schema, local_auth=local_auth)
        self.service = TopicService(self.topic, self.tokens, access)

    def token(self, principal: str = SENDER, audience: str = "https://eventgrid.azure.net") -> StaticCredential:
        """A credential of the principal."""
        return StaticCredential(
            self.tokens.issue(audience=audience, principal_id=principal, client_id="client"),
        )

    def signature(self, *, minutes: int = 5, resource: str = "", key: str = "") -> AzureSasCredential:
        """A signature as Microsoft's samples make it."""
        expiry = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%m/%d/%Y %I:%M:%S %p")
        signed = f"r={quote(resource or self.service.endpoint, safe='')}&e={quote(expiry, safe='')}"
        secret = base64.b64decode(key or self.topic.keys[1])
        digest = base64.b64encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest()).decode()
        return AzureSasCredential(f"{signed}&s={quote(digest, safe='')}")

    async def post(self, events: Any, content_type: str) -> int:
        """Publish without the SDK, which would refuse some of what the topic has to refuse."""
        connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())
        headers = {"aeg-sas-key": self.topic.keys[0], "Content-Type": content_type}
        url = f"{self.service.endpoint}?api-version=2018-01-01"
        body = io.BytesIO(json.dumps(events).encode())
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            return answer.status

    async def send(self, events: Any, credential: Any = None, *, path: str = "/api/events", **options: Any) -> None:
        """Publish with the SDK."""
        credential = credential or AzureKeyCredential(self.topic.keys[0])
        client = EventGridPublisherClient(self.service.base_url + path, credential, retry_total=0)
        async with client:
            await client.send(events, connection_verify=str(session_certificates().ca), **options)


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    """A topic that takes CloudEvents."""
    publisher = Publisher()
    async with serving(publisher.service):
        yield publisher


def cloud_event(number: int = 0, data: Any = None) -> CloudEvent[Any]:
    """An event as the product sends it."""
    return CloudEvent(source="/cachewarden", type="Cachewarden.Test", data=data or {"number": number})


class TestPublishing:
    """What the topic takes and keeps."""

    async def test_keeps_cloud_events_in_order(self, publisher: Publisher) -> None:
        """A batch arrives whole and in order, with the attributes as they were sent."""
        await publisher.send([cloud_event(number) for number in range(3)])

        assert [published.event["data"]["number"] for published in publisher.topic.events] == [0, 1, 2]
        assert publisher.topic.events[0].event["type"] == "Cachewarden.Test"

    async def test_stamps_events_of_event_grids_schema(self) -> None:
        """In Event Grid's schema the topic adds its own id and the metadata version."""
        publisher = Publisher(Schema.EVENT_GRID)
        async with serving(publisher.service):
            await publisher.send([EventGridEvent("subject", "Cachewarden.Test", {"n": 1}, "1.0")])

        event = publisher.topic.events[0].event
        assert (event["topic"], event["metadataVersion"], event["eventType"]) == (TOPIC_ID, "1", "Cachewarden.Test")

    async def test_takes_keys_signatures_and_tokens(self, publisher: Publisher) -> None:
        """Either key, a signature by either key, and a token of a principal with the sender's role."""
        keys = [AzureKeyCredential(key) for key in publisher.topic.keys]

        for credential in [*keys, publisher.signature(), publisher.token()]:
            await publisher.send(cloud_event(), credential)

        assert len(publisher.topic.events) == 4


class TestRefusals:
    """What the topic refuses, and how."""

    async def test_refuses_credentials_that_are_not_the_topics(self, publisher: Publisher) -> None:
        """A wrong key, an expired, foreign or forged signature, and a token for another service are 401."""
        forged = base64.b64encode(b"another key of the same size ...").decode()
        credentials = [
            AzureKeyCredential("wrong"),
            publisher.signature(minutes=-5),
            publisher.signature(resource="https://localhost:1/api/events"),
            publisher.signature(key=forged),
            publisher.token(audience="https://vault.azure.net"),
        ]

        for credential in credentials:
            with pytest.raises(ClientAuthenticationError, match="authorization key is not authorized"):
                await publisher.send(cloud_event(), credential)

        assert not publisher.topic.events

    async def test_refuses_a_principal_without_the_role(self, publisher: Publisher) -> None:
        """A good token of a principal that may not send is 403."""
        with pytest.raises(HttpResponseError) as caught:
            await publisher.send(cloud_event(), publisher.token("stranger"))

        assert (caught.value.status_code, caught.value.error and caught.value.error.code) == (403, "Forbidden")

    async def test_refuses_keys_when_local_authentication_is_off(self) -> None:
        """With keys switched off only tokens are taken."""
        publisher = Publisher(local_auth=False)
        async with serving(publisher.service):
            for credential in [AzureKeyCredential(publisher.topic.keys[0]), publisher.signature()]:
                with pytest.raises(ClientAuthenticationError):
                    await publisher.send(cloud_event(), credential)
            await publisher.send(cloud_event(), publisher.token())

        assert len(publisher.topic.events) == 1

    @pytest.mark.parametrize(
        ("change", "content_type", "status"),
        [
            ({"specversion": "0.3"}, BATCH, 400),
            ({"Upper": 1}, BATCH, 400),
            ({"id": ""}, BATCH, 400),
            ({"source": None}, BATCH, 400),
            ({"data": 1, "data_base64": "QQ=="}, BATCH, 400),
            ({}, "application/json", 415),
            ({"data": "x" * (1024 * 1024)}, BATCH, 413),
        ],
        ids=["version", "attribute", "empty id", "no source", "two bodies", "other schema", "too large"],
    )
    async def test_refuses_events_that_break_the_rules(
        self, publisher: Publisher, change: dict[str, Any], content_type: str, status: int
    ) -> None:
        """A broken event refuses the whole batch; nothing of it is kept."""
        good = {"id": "1", "source": "s", "type": "t", "specversion": "1.0"}

        answers = [await publisher.post([good, good | change], content_type), await publisher.post([good], BATCH)]

        assert (answers, len(publisher.topic.events)) == ([status, 200], 1)

    async def test_refuses_an_endpoint_without_its_path(self, publisher: Publisher) -> None:
        """The SDK posts to the endpoint as it is given: without /api/events it is 404."""
        with pytest.raises(ResourceNotFoundError):
            await publisher.send(cloud_event(), path="/")
