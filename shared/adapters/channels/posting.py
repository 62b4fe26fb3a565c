"""Posting to an address that somebody configured: over TLS, to public addresses, without following anything.

The traps: a webhook address is a secret, and aiohttp's errors name it; addresses are checked where the connection is
made (`reach` says why), which is in the resolver; and an address that is written as numbers never meets a resolver.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shared.adapters.azure_errors import retry_after
from shared.adapters.channels.addresses import SecretText
from shared.adapters.channels.reach import Reach
from shared.errors import PermanentError, TemporaryError
from shared.telemetry.names import Outside
from shared.telemetry.spans import outside
from shared.version import VERSION

if TYPE_CHECKING:
    import ssl

    import aiohttp

_DEADLINE_S: Final = 20.0
_SUCCESSES: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_STALE: Final = frozenset({401, 403, 404, 410})
_PASSING: Final = frozenset({408, 409, 425, 429})
_SERVER_ERRORS: Final = 500
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z_]{2,60}")
_READ: Final = 2048


class ReceiverUnavailable(TemporaryError):
    """A channel's receiver can't be reached, fails, or asks for patience."""

    code = "receiver_unavailable"
    hint = "Nothing to do; it is tried again."


class ReceiverRefused(PermanentError):
    """A channel's receiver refuses the message."""

    code = "receiver_refused"
    hint = "Is the webhook still there, and is its address in the secret that the policy names?"


class ReceiverRedirects(PermanentError):
    """A channel's receiver sends the message elsewhere, which is not followed: nobody configured that address."""

    code = "receiver_redirects"
    hint = "Write the final address into the secret that the policy names."


class ReceiverNotPublic(PermanentError):
    """A channel's address leads into a private network."""

    code = "receiver_not_public"
    hint = "If that is meant, allow its network in CACHEWARDEN_PRIVATE_RECEIVERS."


class _NotPublic(OSError):
    """What the resolver raises, which aiohttp passes on as the cause of its own error."""


class Poster:
    """Posts for all channels of a process; the session is made on first use, closed by `aclose`."""

    def __init__(
        self,
        *,
        reach: Reach,
        deadline_s: float = _DEADLINE_S,
        trust: "ssl.SSLContext | bool" = True,
    ) -> None:
        """Nothing is opened yet.

        Args:
            reach: what may be posted to.
            deadline_s: seconds for one post, name resolution and all.
            trust: the certificate authorities that count; True is the system's.
        """
        self._trust = trust
        self._reach = reach
        self._deadline_s = deadline_s
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, address: SecretText, body: bytes, headers: Mapping[str, str]) -> None:
        """Post to the address that a secret holds; one that no longer works is read anew, once.

        Raises:
            ReceiverUnavailable: later; `retry_after` is what the receiver asks for.
            ReceiverRefused, ReceiverRedirects, ReceiverNotPublic: never.
            PermanentError, TemporaryError: the secret can't be read.
        """
        url = await address.url()
        try:
            await self._post(url, body, headers)
        except ReceiverRefused:
            address.forget()
            newer = await address.url()
            if newer == url:
                raise
            await self._post(newer, body, headers)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self._check_literal(url)
        with outside(Outside.CHANNEL_POST):
            await self._posted(url, body, headers)

    async def _posted(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        import aiohttp

        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._open().post(url, data=body, headers=dict(headers), allow_redirects=False) as response,
            ):
                said = await response.content.read(_READ)
                status, answered = response.status, response.headers
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            # Without the cause: its text and its request hold the address.
            raise _unreached(error) from None
        if status not in _SUCCESSES:
            raise _refusal(status, said, answered)

    def _check_literal(self, url: str) -> None:
        try:
            address = ipaddress.ip_address(urlsplit(url).hostname or "")
        except ValueError:
            return
        if not self._reach.permits(address):
            raise ReceiverNotPublic("the address of the channel is not public")

    def _open(self) -> "aiohttp.ClientSession":
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(ssl=self._trust, resolver=self._resolver(), use_dns_cache=False)
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers={"User-Agent": f"cachewarden/{VERSION}"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _resolver(self) -> Any:
        from aiohttp.abc import AbstractResolver, ResolveResult
        from aiohttp.resolver import ThreadedResolver

        inner, reach = ThreadedResolver(), self._reach

        class Guarded(AbstractResolver):
            """Only addresses that may be reached; none is an error of its own."""

            async def resolve(
                self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
            ) -> list[ResolveResult]:
                found = await inner.resolve(host, port, family)
                good = [each for each in found if reach.permits_host(each["host"])]
                if not good:
                    raise _NotPublic
                return good

            async def close(self) -> None:
                await inner.close()

        return Guarded()


def _unreached(error: Exception) -> PermanentError | TemporaryError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _NotPublic):
            return ReceiverNotPublic("the address of the channel leads into a network that is not public")
        cause = cause.__cause__ or cause.__context__
    return ReceiverUnavailable(f"the receiver can't be reached: {type(error).__name__}")


def _refusal(status: int, said: bytes, headers: Mapping[str, str]) -> PermanentError | TemporaryError:
    """The error for an answer; of its text only a bare word is shown, since the rest may repeat the address."""
    word = said.decode(errors="replace").strip()
    text = f"the receiver answers {status}" + (f": {word}" if _CODE.fullmatch(word) else "")
    if status in _REDIRECTS:
        return ReceiverRedirects(text)
    if status in _PASSING or status >= _SERVER_ERRORS:
        return ReceiverUnavailable(text, retry_after=retry_after(headers))
    if status in _STALE:
        return ReceiverRefused(text)
    return ReceiverRefused(text, hint="The receiver does not understand the message; it may have changed its form.")
