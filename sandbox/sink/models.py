"""Who receives notifications, what each of them takes, and what was delivered."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec

from sandbox.frame.service import Clock, system_clock
from sandbox.sink.refusals import (
    NoSuchWebhook,
    SlackInvalidBlocks,
    SlackInvalidPayload,
    SlackNoText,
    TeamsBadMessage,
    TeamsTooLarge,
)

_KEPT: Final = 20_000
_TEAMS_LIMIT: Final = 28 * 1024
_SLACK_BLOCKS: Final = 50


class Kind(StrEnum):
    """What kind of receiver an address belongs to."""

    TEAMS = "teams"
    SLACK = "slack"
    WEBHOOK = "webhook"


class Delivered(msgspec.Struct, frozen=True):
    """A notification that a receiver took; the body as JSON where it is JSON, else as text."""

    at: datetime
    kind: Kind
    name: str
    headers: dict[str, str]
    body: Any


class _Card(msgspec.Struct, frozen=True):
    type: Literal["AdaptiveCard"]
    version: Annotated[str, msgspec.Meta(pattern=r"^1\.[0-4]$")]
    body: list[dict[str, Any]] = []


class _Attachment(msgspec.Struct, frozen=True, rename="camel"):
    content_type: Literal["application/vnd.microsoft.card.adaptive"]
    content: _Card


class _TeamsMessage(msgspec.Struct, frozen=True):
    type: Literal["message"]
    attachments: Annotated[list[_Attachment], msgspec.Meta(min_length=1)]


class Sinks:
    """The receivers of the world, each at an address of its own; it keeps the latest 20,000 deliveries."""

    def __init__(self, *, clock: Clock = system_clock) -> None:
        self.deliveries: deque[Delivered] = deque(maxlen=_KEPT)
        self._receivers: set[tuple[Kind, str]] = set()
        self._clock = clock

    def add(self, kind: Kind, name: str) -> str:
        """Open an address and return its path, which stands for the secret part of a real webhook's URL."""
        self._receivers.add((kind, name))
        return f"/{kind}/{name}"

    def deliver(self, kind: Kind, name: str, headers: Mapping[str, str], body: bytes) -> None:
        """Take a notification, or refuse it as this kind of receiver does."""
        if (kind, name) not in self._receivers:
            raise NoSuchWebhook
        taken = _READERS[kind](body)
        self.deliveries.append(Delivered(self._clock(), kind, name, dict(headers), taken))


def _teams(body: bytes) -> Any:
    if len(body) > _TEAMS_LIMIT:
        raise TeamsTooLarge(size=len(body))
    try:
        msgspec.json.decode(body, type=_TeamsMessage)
    except msgspec.DecodeError as error:
        raise TeamsBadMessage(detail=str(error)) from error
    return json.loads(body)


def _slack(body: bytes) -> Any:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise SlackInvalidPayload from error
    if not isinstance(message, dict):
        raise SlackInvalidPayload
    if not any(message.get(part) for part in ("text", "blocks", "attachments")):
        raise SlackNoText
    blocks = message.get("blocks", [])
    if not isinstance(blocks, list) or len(blocks) > _SLACK_BLOCKS or not all("type" in block for block in blocks):
        raise SlackInvalidBlocks
    return message


def _webhook(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


_READERS: Final[Mapping[Kind, Callable[[bytes], Any]]] = {
    Kind.TEAMS: _teams,
    Kind.SLACK: _slack,
    Kind.WEBHOOK: _webhook,
}
