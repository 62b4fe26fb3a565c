"""Sessions of the console: who has shown a function key once need not show it with every page.

A key in an address ends in histories and logs, and a browser can't send one in a header. So the key is shown once, at
the entrance, where the host checks it; from then on a cookie counts that nobody can guess. The store holds the cookie's
digest alone: whoever reads the store can't visit the console with it.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from shared.application.ports import Clock

LIFETIME: Final = timedelta(hours=8)
"""A working day; a key that was taken back is good for no longer than this."""


class SignIn(StrEnum):
    """How people come to the console: with the function key, or signed in by App Service authentication."""

    KEY = "key"
    ENTRA = "entra"


class Session(msgspec.Struct, frozen=True):
    """A session; `digest` stands for its cookie."""

    digest: str
    ends_at: datetime


class Sessions(Protocol):
    """The sessions, by their digests."""

    async def add(self, session: Session) -> None:
        """Keep a new one."""

    async def get(self, digest: str) -> Session | None:
        """One, None when there is none."""

    async def remove(self, digest: str) -> None:
        """Forget one; one that is gone is left alone."""


class ConsoleSessions:
    """Begins, checks and ends sessions."""

    def __init__(self, *, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def begin(self) -> str:
        """The cookie of a new session; raises TemporaryError when the storage is in trouble."""
        cookie = new_cookie()
        await self._sessions.add(Session(_digest(cookie), self._clock.now() + LIFETIME))
        return cookie

    async def is_open(self, cookie: str) -> bool:
        """Whether a cookie belongs to a session that has not ended."""
        session = await self._sessions.get(_digest(cookie)) if cookie else None
        return session is not None and self._clock.now() < session.ends_at

    async def end(self, cookie: str) -> None:
        """End a session."""
        await self._sessions.remove(_digest(cookie))


def new_cookie() -> str:
    """A text that nobody can guess: 256 bits."""
    return secrets.token_urlsafe(32)


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
