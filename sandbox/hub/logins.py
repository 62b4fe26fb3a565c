"""Who may log in: passwords, tokens, and the lock that too many bad logins put on a user name.

The trap it shows: a client that tries a refused credential again and again locks the account for everybody, the right
credential included.
"""

from enum import StrEnum
from typing import Final

import msgspec

from sandbox.frame.service import Clock
from sandbox.hub.accounts import Account, Organization, OrganizationToken, PersonalToken
from sandbox.hub.organization_tokens import OrganizationTokens
from sandbox.hub.personal_tokens import PersonalTokens
from sandbox.hub.refusals import LoginFailed, LoginLocked, PasswordNotAccepted, TokenExpired
from sandbox.hub.windows import Limit, Windows

BAD_LOGINS: Final = 10
"""How many bad logins within `LOCK_S` lock a user name; a guess."""
LOCK_S: Final = 600
"""How many seconds the lock holds (a Docker employee's word)."""


class Secret(StrEnum):
    """What somebody logged in with."""

    PASSWORD = "password"
    PERSONAL_TOKEN = "pat"
    ORGANIZATION_TOKEN = "oat"


class Identity(msgspec.Struct, frozen=True):
    """Somebody who is logged in.

    Attributes:
        name: the user's or the organization's name.
        id: its UUID, by which pulls are counted.
        paid: whether pulls are unlimited.
        token: the token that was used, None for a password.
    """

    name: str
    id: str
    paid: bool
    secret: Secret
    token: PersonalToken | OrganizationToken | None = None
    member_of: frozenset[str] = frozenset()

    def may_pull(self, repository: str, *, private: bool) -> bool:
        """Whether the registry gives this identity a token for pulling from the repository."""
        if isinstance(self.token, OrganizationToken):
            return any(resource.opens(repository, private=private) for resource in self.token.resources)
        if not private:
            return True
        public_only = isinstance(self.token, PersonalToken) and set(self.token.scopes) <= {"repo:public_read"}
        return not public_only and repository.partition("/")[0] in self.member_of | {self.name}


class Logins:
    """Checks user names with passwords and tokens, and counts the bad ones."""

    def __init__(self, clock: Clock, personal: PersonalTokens, organization: OrganizationTokens) -> None:
        self.accounts: dict[str, Account] = {}
        self.organizations: dict[str, Organization] = {}
        self._clock = clock
        self._bad = Windows(Limit(BAD_LOGINS, LOCK_S), clock=clock)
        self._locked_until: dict[str, float] = {}
        self._personal = personal
        self._organization = organization

    def log_in(self, name: str, secret: str) -> Identity:
        """The identity; raises LoginLocked, LoginFailed, TokenExpired or PasswordNotAccepted."""
        if self.locked(name):
            raise LoginLocked
        try:
            identity = self.check(name, secret)
        except (LoginFailed, TokenExpired, PasswordNotAccepted):
            self._count_bad(name)
            raise
        if isinstance(identity.token, PersonalToken):
            self._personal.note_use(identity.token)
        elif isinstance(identity.token, OrganizationToken):
            self._organization.note_use(identity.token)
        return identity

    def check(self, name: str, secret: str) -> Identity:
        """The same without a trace: nothing is counted, no lock is looked at."""
        if (account := self.accounts.get(name)) is not None:
            return self._user(account, secret)
        if (organization := self.organizations.get(name)) is not None:
            return self._organization_identity(organization, secret)
        raise LoginFailed

    def locked(self, name: str) -> bool:
        """Whether the user name is locked now: until ten minutes after the bad login that was one too many."""
        return self._clock().timestamp() < self._locked_until.get(name, 0)

    def unlock(self, name: str) -> None:
        """Forget the bad logins of a user name and its lock."""
        self._bad.reset(name)
        self._locked_until.pop(name, None)

    def _count_bad(self, name: str) -> None:
        self._bad.spend(name)
        if not self._bad.remaining(name):
            self._bad.reset(name)
            self._locked_until[name] = self._clock().timestamp() + LOCK_S

    def _user(self, account: Account, secret: str) -> Identity:
        member_of = frozenset(
            organization.name
            for organization in self.organizations.values()
            if account.username in organization.owners | organization.members
        )
        identity = Identity(account.username, account.id, account.plan.paid, Secret.PASSWORD, member_of=member_of)
        token = self._personal.find(secret)
        if token is not None and token.owner == account.username:
            if token.expired(self._clock()):
                raise TokenExpired
            if not token.is_active:
                raise LoginFailed
            return msgspec.structs.replace(identity, secret=Secret.PERSONAL_TOKEN, token=token)
        if account.password != secret:
            raise LoginFailed
        if not account.takes_password:
            raise PasswordNotAccepted
        return identity

    def _organization_identity(self, organization: Organization, secret: str) -> Identity:
        token = self._organization.find(secret)
        usable = token is not None and token.is_active and not token.expired(self._clock())
        if token is None or not usable or token.organization != organization.name:
            raise LoginFailed
        return Identity(
            organization.name, organization.id, organization.plan.paid, Secret.ORGANIZATION_TOKEN, token=token
        )
