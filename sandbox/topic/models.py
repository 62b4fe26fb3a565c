"""The custom topic: who may publish to it, and what was published."""

import base64
import hashlib
import hmac
import secrets
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from sandbox.frame.service import Clock, system_clock
from sandbox.topic.refusals import KeyNotAuthorized
from sandbox.topic.schemas import Schema

_KEPT: Final = 50_000
_EXPIRY_FORMATS: Final = ("%m/%d/%Y %I:%M:%S %p", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S")
NOT_BASE64: Final = (
    "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, "
    "or an illegal character among the padding characters."
)


class Published(msgspec.Struct, frozen=True):
    """An event, and when the topic took it."""

    at: datetime
    event: dict[str, Any]


class Topic:
    """One custom topic; it keeps the latest 50,000 events.

    Attributes:
        resource_id: its ARM id, which is the scope of the sender's role.
        keys: its two access keys, Base64.
        schema: the schema that it takes.
        local_auth: False when keys and signatures are switched off.
    """

    def __init__(
        self,
        resource_id: str,
        *,
        schema: Schema = Schema.CLOUD_EVENT,
        local_auth: bool = True,
        clock: Clock = system_clock,
    ) -> None:
        self.resource_id = resource_id
        self.schema = schema
        self.local_auth = local_auth
        self.keys = tuple(base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
        self.events: deque[Published] = deque(maxlen=_KEPT)
        self._clock = clock

    def publish(self, events: list[dict[str, Any]]) -> None:
        """Keep the events of one publication, all of them."""
        now = self._clock()
        self.events.extend(Published(now, event) for event in events)

    def check_key(self, key: str, host: str) -> None:
        """Raise KeyNotAuthorized unless the key is one of the topic's two."""
        if not self.local_auth:
            raise KeyNotAuthorized(host=host, reason="Local authentication is disabled.")
        if not any(hmac.compare_digest(key.encode(), known.encode()) for known in self.keys):
            raise KeyNotAuthorized(host=host, reason=NOT_BASE64)

    def check_signature(self, token: str, url: str, host: str) -> None:
        """Raise KeyNotAuthorized unless the token (`r=…&e=…&s=…`) is signed by a key, for this URL, and not expired."""
        if not self.local_auth:
            raise KeyNotAuthorized(host=host, reason="Local authentication is disabled.")
        signed, _, _ = token.partition("&s=")
        parts = dict(parse_qsl(token))
        if not {"r", "e", "s"} <= parts.keys():
            raise KeyNotAuthorized(
                host=host, reason="The token is not of the form r=resource&e=expiration&s=signature."
            )
        if not any(hmac.compare_digest(parts["s"], _signature(signed, key)) for key in self.keys):
            raise KeyNotAuthorized(host=host, reason="The signature does not match.")
        if not url.lower().startswith(parts["r"].lower().rstrip("/")):
            raise KeyNotAuthorized(host=host, reason="The token was signed for another resource.")
        if _expiry(parts["e"]) <= self._clock():
            raise KeyNotAuthorized(host=host, reason="The token is expired.")


def _signature(signed: str, key: str) -> str:
    digest = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _expiry(text: str) -> datetime:
    plain = unquote_plus(text).removesuffix("Z").removesuffix("+00:00").strip()
    for form in _EXPIRY_FORMATS:
        try:
            return datetime.strptime(plain, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return datetime.min.replace(tzinfo=UTC)
