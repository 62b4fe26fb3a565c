"""Who there is at Docker Hub, and what each plan may do."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec


class Plan(StrEnum):
    """A subscription."""

    PERSONAL = "personal"
    PRO = "pro"
    TEAM = "team"
    BUSINESS = "business"

    @property
    def paid(self) -> bool:
        """Whether pulls are unlimited; then the registry sends no `ratelimit` headers (documented)."""
        return self is not Plan.PERSONAL


SLOTS: Final = {Plan.TEAM: 10, Plan.BUSINESS: 100}
"""How many organization access tokens a plan has room for; expired ones count (documented)."""


class Account(msgspec.Struct, frozen=True):
    """A user.

    Attributes:
        id: the UUID that `docker-ratelimit-source` shows.
        two_factor: a second factor is on: the password opens neither the registry nor, here, the API.
        sso_enforced: single sign-on is enforced: the same.
    """

    username: str
    id: str
    password: str
    plan: Plan = Plan.PERSONAL
    two_factor: bool = False
    sso_enforced: bool = False

    @property
    def takes_password(self) -> bool:
        """Whether the password is accepted anywhere but on the web site."""
        return not (self.two_factor or self.sso_enforced)


class Organization(msgspec.Struct, frozen=True):
    """An organization; its owners manage its access tokens."""

    name: str
    id: str
    owners: frozenset[str]
    plan: Plan = Plan.TEAM
    members: frozenset[str] = frozenset()

    @property
    def slots(self) -> int:
        """How many access tokens there is room for."""
        return SLOTS.get(self.plan, 0)


class PersonalToken(msgspec.Struct, frozen=True, kw_only=True):
    """A personal access token; `text` is shown once, when it is made."""

    uuid: str
    owner: str
    text: str
    label: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used: datetime | None = None
    is_active: bool = True
    creator_ip: str = ""
    creator_ua: str = ""

    def expired(self, now: datetime) -> bool:
        """Whether it is past its end; then it can only be deleted."""
        return self.expires_at is not None and now >= self.expires_at


class Resource(msgspec.Struct, frozen=True):
    """What an organization token opens: `TYPE_REPO`, `contoso/*`, `("scope-image-pull",)`."""

    type: str
    path: str
    scopes: tuple[str, ...]

    def opens(self, repository: str, *, private: bool) -> bool:
        """Whether images of the repository may be pulled with it."""
        if self.type != "TYPE_REPO" or "scope-image-pull" not in self.scopes:
            return False
        if self.path == "*/*/public":
            return not private
        namespace, _, name = self.path.partition("/")
        return self.path == repository or (name == "*" and repository.startswith(f"{namespace}/"))


class OrganizationToken(msgspec.Struct, frozen=True, kw_only=True):
    """An organization access token; `text` is shown once, when it is made."""

    id: str
    organization: str
    text: str
    label: str
    created_by: str
    created_at: datetime
    description: str = ""
    resources: tuple[Resource, ...] = ()
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    is_active: bool = True

    def expired(self, now: datetime) -> bool:
        """Whether it is past its end; it still takes a slot."""
        return self.expires_at is not None and now >= self.expires_at
