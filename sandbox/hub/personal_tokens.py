"""Personal access tokens: how they are made, changed and deleted."""

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import uuid4

import msgspec

from sandbox.frame.service import Clock
from sandbox.hub.accounts import Account, PersonalToken
from sandbox.hub.refusals import InvalidFields, NotFound

SCOPES: Final = frozenset({"repo:admin", "repo:write", "repo:read", "repo:public_read"})
_LONGEST_LIFE: Final = timedelta(days=366)

type Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class NewPersonalToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of the request that makes a token."""

    token_label: Label
    scopes: list[str]
    expires_at: datetime | None = None


class PersonalTokenChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of the request that changes one; the end can't be changed (documented)."""

    token_label: Label | None = None
    is_active: bool | None = None


class PersonalTokens:
    """The personal access tokens of all accounts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, PersonalToken] = {}

    def of(self, account: Account) -> list[PersonalToken]:
        """The account's tokens, the newest first."""
        return [token for token in reversed(self._tokens.values()) if token.owner == account.username]

    def find(self, text: str) -> PersonalToken | None:
        """The token of this text."""
        return next((token for token in self._tokens.values() if token.text == text), None)

    def get(self, account: Account, uuid: str) -> PersonalToken:
        """The account's token; raises NotFound."""
        token = self._tokens.get(uuid)
        if token is None or token.owner != account.username:
            raise NotFound
        return token

    def create(self, account: Account, new: NewPersonalToken, *, ip: str = "", user_agent: str = "") -> PersonalToken:
        """Make a token; raises InvalidFields for unknown scopes, none at all, and an end that is past or too far."""
        if not new.scopes or set(new.scopes) - SCOPES:
            raise InvalidFields(scopes=f"expected some of {', '.join(sorted(SCOPES))}")
        token = PersonalToken(
            uuid=str(uuid4()),
            owner=account.username,
            text="dckr_pat_" + secrets.token_urlsafe(20),
            label=new.token_label,
            scopes=tuple(new.scopes),
            created_at=self._clock(),
            expires_at=checked_end(new.expires_at, self._clock(), longest=_LONGEST_LIFE),
            creator_ip=ip,
            creator_ua=user_agent,
        )
        self._tokens[token.uuid] = token
        return token

    def change(self, account: Account, uuid: str, change: PersonalTokenChange) -> PersonalToken:
        """Change label or activity; raises NotFound, and InvalidFields for an expired token (only deletion is left)."""
        token = self.get(account, uuid)
        if token.expired(self._clock()):
            raise InvalidFields(uuid="the token has expired; it can only be deleted")
        changed = msgspec.structs.replace(
            token,
            label=change.token_label if change.token_label is not None else token.label,
            is_active=change.is_active if change.is_active is not None else token.is_active,
        )
        self._tokens[uuid] = changed
        return changed

    def delete(self, account: Account, uuid: str) -> None:
        """Delete a token for good; raises NotFound."""
        del self._tokens[self.get(account, uuid).uuid]

    def note_use(self, token: PersonalToken) -> None:
        """Remember that somebody logged in with it."""
        self._tokens[token.uuid] = msgspec.structs.replace(token, last_used=self._clock())


def checked_end(end: datetime | None, now: datetime, *, longest: timedelta | None = None) -> datetime | None:
    """The end of a new token; raises InvalidFields when it has no time zone, is past, or lies too far ahead."""
    if end is None:
        return None
    if end.tzinfo is None:
        raise InvalidFields(expires_at="expected a date and time with a time zone (RFC 3339)")
    if end <= now or (longest is not None and end > now + longest):
        raise InvalidFields(expires_at="expected a time from now on" + (", within a year" if longest else ""))
    return end
