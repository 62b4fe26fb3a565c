"""Scopes and the signed tokens that carry them, as the distribution specification's token service hands them out.

Docker Hub and ACR issue them in the same form. A token is good only at the registry whose key signed it.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

import jwt
import msgspec

from sandbox.frame.service import Clock, system_clock

_ALGORITHM: Final = "HS256"


class Grant(msgspec.Struct, frozen=True):
    """Actions on one resource: `repository`, `library/nginx`, `{"pull"}`."""

    type: str
    name: str
    actions: frozenset[str]

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(sorted(self.actions))}"


class AccessToken(msgspec.Struct, frozen=True):
    """What a token says: whom it was issued to, for what, and the issuer's own claims."""

    subject: str
    grants: tuple[Grant, ...]
    claims: Mapping[str, Any]

    def allows(self, wanted: Grant) -> bool:
        """Whether the token carries all actions of the grant."""
        return any(
            (held.type, held.name) == (wanted.type, wanted.name) and wanted.actions <= held.actions
            for held in self.grants
        )


def parse_scopes(values: Iterable[str]) -> list[Grant]:
    """The grants that a client asks for; several may stand in one value, parted by spaces; malformed ones are left out.

    A repository's name may hold a port and with it a colon, so the actions are what follows the last colon.
    """
    grants = []
    for scope in " ".join(values).split():
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind and name and actions:
            grants.append(Grant(kind, name, frozenset(actions.split(","))))
    return grants


def pull_of(repository: str) -> Grant:
    """The right to pull from a repository."""
    return Grant("repository", repository, frozenset({"pull"}))


class AccessTokens:
    """Issues and reads the tokens of one issuer, signed with a key of its own."""

    def __init__(self, issuer: str, *, clock: Clock = system_clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def issue(
        self, subject: str, *, lifetime_s: int, grants: Iterable[Grant] = (), claims: Mapping[str, Any] | None = None
    ) -> str:
        """A token for `subject`, valid from now on for `lifetime_s` seconds."""
        now = int(self._clock().timestamp())
        access = [{"type": grant.type, "name": grant.name, "actions": sorted(grant.actions)} for grant in grants]
        body = {"iss": self._issuer, "sub": subject, "iat": now, "nbf": now, "exp": now + lifetime_s, "access": access}
        return jwt.encode({**(claims or {}), **body, "jti": uuid4().hex}, self._key, algorithm=_ALGORITHM)

    def read(self, token: str) -> AccessToken | None:
        """What the token says; None when it is not ours, damaged or out of time."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},  # our clock decides, below
            )
        except jwt.InvalidTokenError:
            return None
        if self._clock().timestamp() >= claims["exp"]:
            return None
        grants = tuple(Grant(item["type"], item["name"], frozenset(item["actions"])) for item in claims["access"])
        return AccessToken(claims["sub"], grants, claims)
