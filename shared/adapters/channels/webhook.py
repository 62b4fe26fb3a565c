"""Any HTTPS receiver: the notice as a CloudEvent in structured mode, signed so that the receiver can trust it.

The signature follows Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and body, so that
neither an old message nor a changed one passes. The secret may hold several keys: each of them signs, and a receiver
knows one of them, which is how a key is replaced without a gap.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from shared.adapters.channels.addresses import SecretText
from shared.adapters.channels.posting import Poster
from shared.application.channel_ports import Channel
from shared.application.ports import Clock
from shared.domain.notices import Notice
from shared.errors import PermanentError

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"

_PREFIX: Final = "whsec_"
_SHORTEST_KEY: Final = 16


class SigningKeyInvalid(PermanentError):
    """The secret with a webhook's keys holds something that is no key."""

    code = "signing_key_invalid"
    hint = "Write keys of at least 16 bytes, the new one first, separated by blanks or lines; `whsec_…` is base64."


class WebhookChannel(Channel):
    """A receiver of CloudEvents."""

    def __init__(self, *, address: SecretText, signing: SecretText | None, poster: Poster, clock: Clock) -> None:
        self._address = address
        self._signing = signing
        self._poster = poster
        self._clock = clock

    async def send(self, notice: Notice) -> None:
        """Post the notice; errors as for `Poster.post`, and `SigningKeyInvalid`."""
        body = msgspec.json.encode(cloud_event(notice))
        headers = {"Content-Type": CONTENT_TYPE}
        if self._signing is not None:
            keys = signing_keys(await self._signing.text())
            headers |= signed(notice.id, int(self._clock.now().timestamp()), body, keys)
        await self._poster.post(self._address, body, headers)


def cloud_event(notice: Notice) -> dict[str, Any]:
    """The notice as a CloudEvent 1.0."""
    return {
        "specversion": "1.0",
        "id": notice.id,
        "type": f"cachewarden.{notice.kind}",
        "source": notice.registry_id or "/cachewarden",
        "subject": notice.subject,
        "time": notice.at,
        "datacontenttype": "application/json",
        "data": notice,
    }


def signed(message_id: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> Mapping[str, str]:
    """The headers that prove who sent a body and when; one signature for each key."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def signing_keys(secret: str) -> tuple[bytes, ...]:
    """The keys in a secret's text, in order; raises `SigningKeyInvalid` without saying what it holds."""
    keys = tuple(_key(word) for word in secret.split())
    if not keys or any(len(key) < _SHORTEST_KEY for key in keys):
        raise SigningKeyInvalid("a signing key is shorter than 16 bytes")
    return keys


def _key(word: str) -> bytes:
    if not word.startswith(_PREFIX):
        return word.encode()
    try:
        return base64.b64decode(word.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise SigningKeyInvalid("a signing key begins with whsec_ and is no base64") from None
