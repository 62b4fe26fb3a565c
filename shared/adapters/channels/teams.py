"""Teams, through a Workflows webhook: the message as an Adaptive Card.

The traps: cards above version 1.4 are shown as an apology or not at all; success is 202, with an empty body, before
anybody has seen the card, so what Teams would refuse later has to be right now; a message may have 28 KB; and TextBlock
and FactSet read Markdown, where a RichTextBlock shows text as it is, which is why all text stands in one.
Documented: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from shared.adapters.channels.addresses import SecretText
from shared.adapters.channels.posting import Poster
from shared.application.channel_ports import Channel
from shared.domain.notice_kinds import Severity
from shared.domain.notice_links import Places
from shared.domain.notices import Notice
from shared.domain.telling import Message, message_of

LARGEST: Final = 28 * 1024
"""Bytes of a message (documented)."""

_STYLES: Final = {Severity.INFO: "good", Severity.WARNING: "warning", Severity.CRITICAL: "attention"}


class TeamsChannel(Channel):
    """A channel of Teams."""

    def __init__(self, *, address: SecretText, poster: Poster, places: Places) -> None:
        self._address = address
        self._poster = poster
        self._places = places

    async def send(self, notice: Notice) -> None:
        """Post the notice; errors as for `Poster.post`."""
        await self._poster.post(self._address, payload(notice, self._places), {"Content-Type": "application/json"})


def payload(notice: Notice, places: Places) -> bytes:
    """The message for Teams: with all lines to copy, or with as many as fit."""
    message = message_of(notice, places)
    while len(body := msgspec.json.encode(_envelope(card(message)))) > LARGEST:
        message = _smaller(message)
    return body


def card(message: Message) -> dict[str, Any]:
    """The Adaptive Card."""
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": f"{message.title}: {message.summary}",
        "body": list(_elements(message)),
        "actions": [{"type": "Action.OpenUrl", "title": link.label, "url": link.url} for link in message.links],
    }


def _envelope(content: Mapping[str, Any]) -> dict[str, Any]:
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _smaller(message: Message) -> Message:
    """The message with fewer lines to copy, and then with fewer facts; the title and the sentence always stay."""
    if message.snippets:
        return msgspec.structs.replace(message, snippets=message.snippets[: len(message.snippets) // 2])
    return msgspec.structs.replace(message, facts=message.facts[: len(message.facts) // 2])


def _elements(message: Message) -> Iterator[dict[str, Any]]:
    head = [
        _text(_run(message.title, weight="Bolder", size="Large")),
        _text(_run(message.summary), spacing="Small"),
    ]
    yield {"type": "Container", "style": _STYLES[message.severity], "bleed": True, "items": head}
    for index, (name, text) in enumerate(message.facts):
        spacing = "Medium" if index == 0 else "Small"
        yield _text(_run(f"{name}: ", weight="Bolder"), _run(text), spacing=spacing)
    if message.evidence:
        yield from _to_copy("What failed", message.evidence)
    if message.next_step:
        yield _text(_run("Next: ", weight="Bolder"), _run(message.next_step), spacing="Medium")
    label = ""
    for snippet in message.snippets:
        yield from _to_copy("" if snippet.label == label else snippet.label, snippet.short)
        label = snippet.label


def _to_copy(label: str, text: str) -> Iterator[dict[str, Any]]:
    if label:
        yield _text(_run(label, weight="Bolder"), spacing="Medium")
    box = [_text(_run(text, fontType="Monospace", size="Small"))]
    yield {"type": "Container", "style": "emphasis", "spacing": "Small", "items": box}


def _text(*inlines: dict[str, Any], spacing: str = "Default") -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(inlines), "spacing": spacing}


def _run(text: str, **look: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **look}
