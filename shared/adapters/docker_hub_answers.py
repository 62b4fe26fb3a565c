"""What Docker Hub's answers mean: later, never, or never with this login.

Nothing of a refusal's own text goes on but a known phrase's meaning: it names the account, and once a session.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from shared.application.rotation_ports import (
    CredentialRejected,
    HubUnavailable,
    LoginRefused,
    Minted,
    MintingForbidden,
    NoFreeSlot,
)
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.rotation import HubToken
from shared.errors import CachewardenError, PermanentError

_EPOCH: Final = 10**9
"""A `Retry-After` beyond this is a point in time."""
_LONGEST_WAIT: Final = 3600.0
_ABUSE_S: Final = 900.0
"""How long to leave Docker Hub alone when the limit on requests of any kind is reached; it says nothing itself."""
_REFUSALS: Final = frozenset({400, 403, 409, 422})
_LOCKED_S: Final = 600.0
"""How long bad logins lock a name (a Docker employee's word)."""


class HubRefused(PermanentError):
    """Docker Hub refuses a request for a reason that this app does not know."""

    code = "docker_hub_refused"
    hint = "Docker Hub's API may have changed; look for a newer version of this app."


class Answer(msgspec.Struct, frozen=True):
    """One answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Without the body, which may hold a token."""
        return f"Answer({self.status})"

    def text(self, field: str) -> str:
        """A text of the JSON body; raises `HubUnavailable` when it is not there."""
        try:
            return str(read_json(self.body, dict[str, Any])[field])
        except (JsonUnreadable, KeyError) as error:
            raise HubUnavailable(f"the answer has no {field}", code="unreadable_answer") from error

    def read[T](self, kind: type[T]) -> T:
        """The JSON body as a value; raises `HubUnavailable` when it is none."""
        try:
            return read_json(self.body, kind)
        except JsonUnreadable as error:
            raise HubUnavailable("the answer is not what is documented", code="unreadable_answer") from error

    def minted(self) -> Minted:
        """The new token, with its text."""
        made = self.read(_Made)
        return Minted(made.as_hub_token(), made.token)

    @property
    def words(self) -> str:
        """What it says, in lower case, to look phrases up in and for nothing else."""
        return self.body[:4096].decode("utf-8", "replace").lower()


class _Listed(msgspec.Struct, frozen=True):
    """A token, personal or an organization's, as it is listed."""

    uuid: str = ""
    id: str = ""
    token_label: str = ""
    label: str = ""
    is_active: bool = True
    expires_at: datetime | None = None

    def as_hub_token(self) -> HubToken:
        """The same in our words."""
        return HubToken(self.uuid or self.id, self.token_label or self.label, self.is_active, self.expires_at)


class _Made(_Listed, frozen=True, kw_only=True):
    """A token as the answer that makes it shows it."""

    token: str


class TokenList(msgspec.Struct, frozen=True):
    """A page of tokens; personal tokens are counted as `count`, an organization's as `total`."""

    results: list[_Listed] = []
    count: int = 0
    total: int = 0

    @property
    def size(self) -> int:
        """How many there are on all pages."""
        return max(self.count, self.total)


def rejection(answer: Answer, *, code: str | None = None) -> CredentialRejected:
    """The error for a login that the registry refuses."""
    if "expired" in answer.words:
        return CredentialRejected("Docker Hub's registry says that the token has expired", code="token_expired")
    return CredentialRejected("Docker Hub's registry refuses the user name and token", code=code)


def login_refusal(answer: Answer) -> LoginRefused:
    """The error for a login that the management API refuses."""
    if "2fa" in answer.words or "login_2fa_token" in answer.words:
        return LoginRefused("Docker Hub asks for a second factor", code="second_factor")
    return LoginRefused("Docker Hub refuses the owner's login")


def minting_refusal(answer: Answer, method: str, *, organization: bool) -> CachewardenError | None:
    """The error for a login that may not do this with tokens, None for any other answer.

    Docker Hub documents no way in which it says that an organization has no room for another token; who knows how many
    there are can tell (`shared.domain.token_slots`). The word `limit` is a last resort, and a guess.
    """
    if answer.status in _REFUSALS and method == "POST":
        if "limit" in answer.words:
            return NoFreeSlot("Docker Hub speaks of a limit of access tokens")
        if answer.status != 403:  # noqa: PLR2004 - HTTP
            return MintingForbidden(f"Docker Hub refuses to make a token: HTTP {answer.status}", code="mint_refused")
    if answer.status == 403:  # noqa: PLR2004 - HTTP
        return MintingForbidden("Docker Hub does not let this login manage access tokens")
    if answer.status == 404 and organization:  # noqa: PLR2004 - HTTP
        return MintingForbidden("Docker Hub shows this login no such organization", code="organization_not_found")
    if answer.status == 401:  # noqa: PLR2004 - HTTP
        return LoginRefused("Docker Hub does not know its own bearer token")
    return None


def ensure_ok(answer: Answer, doing: str) -> None:
    """Raises the error for an answer that is no success."""
    if answer.status < 300:  # noqa: PLR2004 - HTTP
        return
    text = f"{doing}: HTTP {answer.status}"
    if answer.status == 429 and "login attempts" in answer.words:  # noqa: PLR2004 - HTTP
        wait = retry_after(answer.headers) or _LOCKED_S
        text = f"{doing}: the user name is locked after bad logins"
        raise HubUnavailable(text, code="login_locked", retry_after=wait)
    if answer.status == 429 and "x-ratelimit-limit" not in answer.headers:  # noqa: PLR2004 - HTTP
        wait = retry_after(answer.headers) or _ABUSE_S
        raise HubUnavailable(f"{text}: the abuse limit of this address", code="abuse_limited", retry_after=wait)
    if answer.status in {408, 425, 429} or answer.status >= 500:  # noqa: PLR2004 - HTTP
        raise HubUnavailable(text, retry_after=retry_after(answer.headers))
    raise HubRefused(text)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The wait in seconds that an answer asks for, at most an hour; None when it asks for none."""
    for name in ("x-retry-after", "retry-after"):
        try:
            value = float(headers.get(name, ""))
        except ValueError:
            continue
        seconds = value - (time.time() if now is None else now) if value > _EPOCH else value
        return min(max(seconds, 0.0), _LONGEST_WAIT)
    return None
