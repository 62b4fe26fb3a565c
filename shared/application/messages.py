"""What travels on the queues: small, typed, versioned by their tag.

A queue message is a hint to look, never an instruction: whoever takes it reads the state again.
"""

from typing import Any

import msgspec

from shared.application.ports import Lease
from shared.domain.alerts import Alert
from shared.domain.events import ChangeHint, DeleteHint, PushHint
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.vault_events import VaultEvent
from shared.errors import PermanentError
from shared.telemetry.tracing import carrier

REMEDIATIONS = "remediations"
NOTIFICATIONS = "notifications"
ROTATIONS = "rotations"

LARGEST_MESSAGE = 48 * 1024
"""Bytes of a message before base64; Storage queues hold 64 KiB of encoded text (documented)."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What every message carries.

    Attributes:
        trace: the trace of the work that made it, as W3C headers; of whoever reads it where it carries none.
    """

    trace: dict[str, str] = msgspec.field(default_factory=carrier)


class AlertMessage(Message, frozen=True, tag="alert"):
    """An accepted alert.

    Attributes:
        delivery: the delivery's key.
        alert: the parsed alert; None when it was too large and is kept as a payload under `delivery`.
        attempt: 1 at first; higher when the logs did not show the failures yet.
    """

    delivery: str
    alert: Alert | None = None
    attempt: int = 1


class RegistryMessage(Message, frozen=True, tag="registry"):
    """A registry with incidents that are not settled yet.

    Attributes:
        registry_id: its ARM id, as the policy writes it.
        recall: what keeps a second such message from being sent while this one is on its way; see `recalls`.
        incident: the incident that the message was given up for; see `unrecorded`.
    """

    registry_id: str
    recall: Lease | None = None
    incident: str = ""


class EventMessage(Message, frozen=True, tag="event"):
    """An accepted event of Event Grid.

    Attributes:
        delivery: the delivery's key.
        hint: what the event hints at.
        attempt: 1 at first; higher when something outside was in trouble.
    """

    delivery: str
    hint: PushHint | DeleteHint | ChangeHint | VaultEvent
    attempt: int = 1


class ReplayedLetter(Message, frozen=True, tag="replayed_letter"):
    """An event that was given up and is to be taken in again.

    Attributes:
        letter: the id of its dead letter, which may hold more than a message can.
    """

    letter: str


class NotificationMessage(Message, frozen=True, tag="notification"):
    """An outbox row that wants to be sent."""

    subject: str
    row: str


class RotationMessage(Message, frozen=True, tag="rotation"):
    """A credential whose rotation may have a step to do; `suspected`: failed pulls blame it, and it wants a test."""

    credential: str
    suspected: bool = False


class MessageInvalid(PermanentError):
    """A queue message is not one of ours."""

    code = "message_invalid"
    hint = "Something else writes to this queue; look at the poison queue."


type RemediationMessage = AlertMessage | RegistryMessage | EventMessage | ReplayedLetter


def read_remediation(body: bytes) -> RemediationMessage:
    """The message of the `remediations` queue; raises `MessageInvalid` when it is not one of ours."""
    message: RemediationMessage = _read(body, RemediationMessage, REMEDIATIONS)
    return message


def read_notification(body: bytes) -> NotificationMessage:
    """The message of the `notifications` queue; raises `MessageInvalid` when it is not one of ours."""
    message: NotificationMessage = _read(body, NotificationMessage, NOTIFICATIONS)
    return message


def read_rotation(body: bytes) -> RotationMessage:
    """The message of the `rotations` queue; raises `MessageInvalid` when it is not one of ours."""
    message: RotationMessage = _read(body, RotationMessage, ROTATIONS)
    return message


def _read(body: bytes, kind: Any, queue: str) -> Any:
    try:
        return read_json(body, kind)
    except JsonUnreadable as error:
        raise MessageInvalid(f"no message of the queue {queue}: {error}") from error
