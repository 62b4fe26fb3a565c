"""The text of a queue message and what it stands for, as `extensions.queues.messageEncoding` has it.

The default is base64. A message that is not base64 never reaches the function: the extension moves it to the poison
queue at once (azure-sdk-for-net pull request 18326), which surprises everybody who sends plain text from elsewhere.
"""

import base64
import binascii
from datetime import datetime

import msgspec

from sandbox.host.messages import InvocationResponse, TypedData

_WHITE_SPACE = str.maketrans("", "", " \t\r\n")


class UndecodableMessage(Exception):
    """The message's text is not what the message encoding asks for."""


class ReceivedMessage(msgspec.Struct):
    """A message that this host has made invisible; its pop receipt changes whenever the invisibility is renewed."""

    id: str
    text: str
    pop_receipt: str
    dequeue_count: int
    inserted_on: datetime
    expires_on: datetime
    next_visible_on: datetime

    def metadata(self, body: bytes) -> dict[str, TypedData]:
        """The trigger metadata, documented at learn.microsoft.com (Azure Queue storage trigger)."""
        return {
            "QueueTrigger": TypedData(string=body.decode(errors="replace")),
            "Id": TypedData(string=self.id),
            "PopReceipt": TypedData(string=self.pop_receipt),
            "DequeueCount": TypedData(json=str(self.dequeue_count)),
            "InsertionTime": _moment(self.inserted_on),
            "ExpirationTime": _moment(self.expires_on),
            "NextVisibleTime": _moment(self.next_visible_on),
        }


class MessageCodec(msgspec.Struct, frozen=True):
    """Encodes and decodes message texts."""

    base64: bool

    def encode(self, body: bytes) -> str:
        """The text to put into a queue; raises `UnicodeDecodeError` for bytes that are no UTF-8 where they must be."""
        return base64.b64encode(body).decode() if self.base64 else body.decode()

    def decode(self, text: str) -> bytes:
        """The body that a text stands for; raises `UndecodableMessage`. White space is ignored, as .NET does."""
        if not self.base64:
            return text.encode()
        try:
            return base64.b64decode(text.translate(_WHITE_SPACE), validate=True)
        except (binascii.Error, ValueError) as error:
            raise UndecodableMessage(str(error)) from None


def message_bodies(value: TypedData) -> list[bytes]:
    """The messages that a value of a queue output binding becomes: a list is one message an element.

    An object (a `func.QueueMessage`, a dict) is sent as its JSON text, `{"id": …, "body": …}` included: the extension's
    converter for objects does not look into them.
    """
    if value.bytes is not None:
        return [value.bytes]
    if value.string is not None:
        return [value.string.encode()]
    if value.json is not None:
        document = msgspec.json.decode(value.json)
        return [_text(element) for element in (document if isinstance(document, list) else [document])]
    number = value.int if value.int is not None else value.double
    return [] if number is None else [str(number).encode()]


def output_values(response: InvocationResponse) -> dict[str, TypedData]:
    """What the function set, by the name of the output binding; `$return` is the returned value."""
    values = {output.name: output.data for output in response.output_data if output.data is not None}
    if response.return_value is not None:
        values["$return"] = response.return_value
    return values


def _text(element: object) -> bytes:
    return element.encode() if isinstance(element, str) else msgspec.json.encode(element)


def _moment(moment: datetime) -> TypedData:
    return TypedData(json=f'"{moment.isoformat()}"')
