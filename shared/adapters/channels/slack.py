"""Slack, through an incoming webhook: the message as Block Kit.

The traps: `mrkdwn` turns `<!channel>`, `<@U1>` and `<https://…|click>` from a log line into calls and links, and links
bare names besides, where `rich_text` and `plain_text` show text as it is; at most 50 blocks, 150 characters in a header
and 3,000 in a text (documented); and the `text` beside the blocks, which phones show, is mrkdwn again.
Documented: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.adapters.channels.addresses import SecretText
from shared.adapters.channels.posting import Poster
from shared.application.channel_ports import Channel
from shared.domain.defusing import as_mrkdwn
from shared.domain.notice_kinds import Severity
from shared.domain.notice_links import Places
from shared.domain.notices import Notice
from shared.domain.telling import Message, message_of

MOST_BLOCKS: Final = 50
LONGEST_TEXT: Final = 3000

_MARKS: Final = {
    Severity.INFO: "large_green_circle",
    Severity.WARNING: "large_yellow_circle",
    Severity.CRITICAL: "red_circle",
}


class SlackChannel(Channel):
    """A channel of Slack."""

    def __init__(self, *, address: SecretText, poster: Poster, places: Places) -> None:
        self._address = address
        self._poster = poster
        self._places = places

    async def send(self, notice: Notice) -> None:
        """Post the notice; errors as for `Poster.post`."""
        await self._poster.post(self._address, payload(notice, self._places), {"Content-Type": "application/json"})


def payload(notice: Notice, places: Places) -> bytes:
    """The message for Slack."""
    message = message_of(notice, places)
    document = {
        "text": as_mrkdwn(f"{message.title}: {message.summary}")[:LONGEST_TEXT],
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": list(_blocks(message))[:MOST_BLOCKS],
    }
    return msgspec.json.encode(document)


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    """The links stand before the lines to copy, so that no number of those pushes them out."""
    yield {"type": "header", "text": {"type": "plain_text", "text": message.title[:150], "emoji": False}}
    mark = {"type": "emoji", "name": _MARKS[message.severity]}
    yield _rich(_section(mark, _text(f" {message.summary}")))
    if message.facts:
        lines = [_section(_text(f"{name}: ", bold=True), _text(text)) for name, text in message.facts]
        yield _rich(*lines)
    if message.evidence:
        yield _rich(_section(_text("What failed", bold=True)), _preformatted(message.evidence))
    if message.next_step:
        yield _rich(_section(_text("Next: ", bold=True), _text(message.next_step)))
    if message.links:
        yield _rich(
            _section(*_with_gaps([{"type": "link", "url": link.url, "text": link.label} for link in message.links]))
        )
    for snippet in message.snippets:
        yield _rich(_section(_text(snippet.label, bold=True)), _preformatted(snippet.text))


def _with_gaps(links: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for index, link in enumerate(links):
        if index:
            yield _text("  ·  ")
        yield link


def _rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def _section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def _preformatted(text: str) -> dict[str, Any]:
    return {"type": "rich_text_preformatted", "elements": [_text(text)]}


def _text(text: str, *, bold: bool = False) -> dict[str, Any]:
    return {"type": "text", "text": text[:LONGEST_TEXT], **({"style": {"bold": True}} if bold else {})}
