"""The receivers of notifications."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.sink.handlers import SinkService
from sandbox.sink.models import Kind, Sinks
from tests.fixtures.serving import serving, session_certificates

CARD = {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": "hello"}]}


def teams(card: dict[str, Any]) -> dict[str, Any]:
    """The message that a Teams workflow asks for, around a card."""
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


TEAMS = teams(CARD)


@pytest.fixture
async def sink() -> AsyncIterator[SinkService]:
    """A receiver of each kind."""
    service = SinkService(Sinks())
    for kind in Kind:
        service.sinks.add(kind, "oncall")
    async with serving(service):
        yield service


async def post(sink: SinkService, path: str, body: Any) -> tuple[int, str]:
    """Status and text of the answer."""
    connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        options: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with session.post(sink.base_url + path, **options) as response:
            return response.status, await response.text()


class TestSinks:
    """What each kind of receiver answers."""

    @pytest.mark.parametrize(
        ("path", "body", "answer"),
        [
            ("/teams/oncall", TEAMS, (202, "")),
            ("/slack/oncall", {"text": "hello"}, (200, "ok")),
            ("/webhook/oncall", {"any": "thing"}, (200, "")),
        ],
    )
    async def test_takes_what_fits(self, sink: SinkService, path: str, body: Any, answer: tuple[int, str]) -> None:
        """A Teams workflow accepts with 202 and no body, Slack says ok, a webhook takes anything; all are kept."""
        assert await post(sink, path, body) == answer
        assert [delivery.body for delivery in sink.sinks.deliveries] == [body]

    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            ("/teams/elsewhere", TEAMS, 404),
            ("/teams/oncall", {"text": "hello"}, 400),
            ("/teams/oncall", {"type": "message", "attachments": []}, 400),
            ("/teams/oncall", teams({**CARD, "version": "1.5"}), 400),
            ("/teams/oncall", b"x" * (28 * 1024 + 1), 413),
            ("/slack/oncall", b"not json", 400),
            ("/slack/oncall", {"channel": "x"}, 400),
            ("/slack/oncall", {"blocks": [{"type": "divider"}] * 51}, 400),
        ],
    )
    async def test_refuses_what_does_not_fit(self, sink: SinkService, path: str, body: Any, status: int) -> None:
        """Unknown addresses, messages of another shape or size are refused, and nothing is kept."""
        assert (await post(sink, path, body))[0] == status
        assert not sink.sinks.deliveries
