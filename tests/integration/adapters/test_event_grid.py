"""Notices as CloudEvents through the real SDK and an emulated topic."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
import pytest_asyncio
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from sandbox import scenario
from sandbox.frame.faults import FaultRule, Phase
from sandbox.world import World
from shared.adapters.event_grid import EndpointInvalid, EventGridChannel
from shared.application.channel_ports import Channel
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import HandOff, Notice, Severity
from shared.errors import PermanentError, TemporaryError
from tests.integration.sandbox.cloud.support import PrincipalCredential

NOTICE = Notice(
    id="0123456789abcdef0123456789abcdef",
    kind=NoticeKind.INCIDENT_VERIFIED,
    subject="incidents/0123456789ab-0123456789abcdef",
    severity=Severity.INFO,
    summary="docker.io/library/nginx is served from the registry",
    registry_id=scenario.REGISTRY_ID,
    source="docker.io/library/nginx",
    at=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
    rule="nginx-rule",
    hand_off=(HandOff("docker.io/library/nginx:1.27", "contoso.azurecr.io/docker-hub/library/nginx:1.27"),),
)


def channel_of(world: World, endpoint: str = "", *, who: PrincipalCredential | None = None) -> EventGridChannel:
    """The adapter under test."""
    credential = who or PrincipalCredential(world.tokens, world.app_identity)
    return EventGridChannel(credential, endpoint or world.urls.topic, connection_verify=str(world.certificates.ca))


@pytest_asyncio.fixture
async def channel(world: World) -> AsyncIterator[Channel]:
    """The channel to the world's topic."""
    made = channel_of(world)
    yield made
    await made.aclose()


class TestSending:
    """What arrives."""

    async def test_the_event(self, world: World, channel: Channel) -> None:
        """The event carries the notice's id and all of it, and is addressed by kind, registry and incident."""
        await channel.send(NOTICE)

        [published] = world.topic.events
        event = published.event
        assert (event["id"], event["type"]) == (NOTICE.id, "cachewarden.incident.verified")
        assert (event["source"], event["subject"]) == (scenario.REGISTRY_ID, NOTICE.subject)
        assert datetime.fromisoformat(event["time"]) == NOTICE.at
        assert msgspec.convert(event["data"], Notice) == NOTICE

    async def test_the_official_sdk_reads_it(self, world: World, channel: Channel) -> None:
        """Whoever handles the topic's events with it gets the notice."""
        await channel.send(NOTICE)

        [published] = world.topic.events
        headers = {"content-type": "application/cloudevents+json"}
        event = from_structured_event(HTTPMessage(headers=headers, body=msgspec.json.encode(published.event)))
        assert (event.get_id(), event.get_source(), event.get_time()) == (NOTICE.id, NOTICE.registry_id, NOTICE.at)
        assert msgspec.convert(event.get_data(), Notice) == NOTICE

    async def test_about_no_registry(self, world: World, channel: Channel) -> None:
        """A CloudEvent must have a source, also where a notice concerns no registry."""
        await channel.send(msgspec.structs.replace(NOTICE, registry_id=""))

        [published] = world.topic.events
        assert published.event["source"] == "/cachewarden"

    async def test_again(self, world: World, channel: Channel) -> None:
        """The same notice again carries the same id."""
        await channel.send(NOTICE)
        await channel.send(NOTICE)

        assert [published.event["id"] for published in world.topic.events] == [NOTICE.id] * 2


class TestRefused:
    """What does not arrive."""

    async def test_no_role(self, world: World) -> None:
        """An identity that may not send is told so for good."""
        stranger = PrincipalCredential(world.tokens, world.directory.create("stranger"))
        channel = channel_of(world, who=stranger)
        with pytest.raises(PermanentError):
            await channel.send(NOTICE)
        await channel.aclose()

    @pytest.mark.parametrize(("status", "wait"), [(429, 8.0), (503, 8.0), (500, None)])
    async def test_overload(self, world: World, channel: Channel, status: int, wait: float | None) -> None:
        """Throttling and errors on Event Grid's side are temporary."""
        headers = {"Retry-After": "8"} if wait else {}
        world.faults.add(FaultRule(service="topic", status=status, headers=headers))
        with pytest.raises(TemporaryError) as caught:
            await channel.send(NOTICE)
        assert caught.value.retry_after == wait

    @pytest.mark.parametrize("phase", Phase)
    async def test_dropped_connections(self, world: World, channel: Channel, phase: Phase) -> None:
        """A topic that can't be reached, or whose answer is lost, is temporary; the notice may then arrive twice."""
        world.faults.add(FaultRule(service="topic", drop=True, phase=phase))
        with pytest.raises(TemporaryError):
            await channel.send(NOTICE)

    @pytest.mark.parametrize("endpoint", ["http://topic.example/api/events", "topic.example", "", "https://a:b@host/x"])
    def test_endpoints(self, world: World, endpoint: str) -> None:
        """A token goes over TLS or not at all, and an endpoint that holds a password is not shown."""
        with pytest.raises(EndpointInvalid) as caught:
            EventGridChannel(PrincipalCredential(world.tokens, world.app_identity), endpoint)
        assert "a:b" not in str(caught.value)
