"""Docker Hub as a whole: accounts, organizations, tokens, images and limits; the rules, without HTTP."""

from typing import Final
from uuid import uuid4

from sandbox.frame.service import Clock, system_clock
from sandbox.hub.accounts import Account, Organization, Plan
from sandbox.hub.logins import Identity, Logins
from sandbox.hub.organization_tokens import OrganizationTokens
from sandbox.hub.personal_tokens import PersonalTokens
from sandbox.hub.pulls import ANONYMOUS, PERSONAL, PullLimits, anonymous_source
from sandbox.hub.refusals import AbuseLimited, LoginFailed, PasswordNotAccepted, TokenExpired
from sandbox.hub.windows import Limit, Windows
from sandbox.oci.access import AccessTokens, Grant
from sandbox.oci.images import Form, Image, single_image
from sandbox.oci.store import ImageStore

PREVIEW: Final = "ratelimitpreview/test"
ABUSE: Final = Limit(5000, 60)
"""Docker says "thousands of requests per minute"."""
API: Final = Limit(180, 60)
"""Requests to the management API; the number was seen in a header."""
_ISSUER: Final = "auth.docker.io"
_API_ISSUER: Final = "api.docker.com"


class Hub:
    """Docker Hub's state; one object behind the three services.

    Attributes:
        images: what its registry holds; `ratelimitpreview/test` is there from the start.
        private: the repositories that are private.
        personal, organization: the two kinds of access tokens.
        limits: the pull limit.
        abuse: requests of any kind, by address.
        api: requests to the management API, by address.
    """

    def __init__(
        self, *, clock: Clock = system_clock, anonymous: Limit | None = ANONYMOUS, personal: Limit | None = PERSONAL
    ) -> None:
        self.clock = clock
        self.images = ImageStore(clock=clock)
        self.private: set[str] = set()
        self.personal = PersonalTokens(clock)
        self.organization = OrganizationTokens(clock)
        self.logins = Logins(clock, self.personal, self.organization)
        self.limits = PullLimits(clock, anonymous=anonymous, personal=personal)
        self.abuse = Windows(ABUSE, clock=clock)
        self.api = Windows(API, clock=clock)
        self.registry_tokens = AccessTokens(_ISSUER, clock=clock)
        self.api_tokens = AccessTokens(_API_ISSUER, clock=clock)
        self.images.add(PREVIEW, single_image(PREVIEW, form=Form.DOCKER), tag="latest")

    def add_account(
        self,
        username: str,
        password: str,
        *,
        plan: Plan = Plan.PERSONAL,
        two_factor: bool = False,
        sso_enforced: bool = False,
    ) -> Account:
        """Open an account; one of the same name is replaced."""
        account = Account(username, str(uuid4()), password, plan, two_factor, sso_enforced)
        self.logins.accounts[username] = account
        return account

    def add_organization(
        self, name: str, *, owners: frozenset[str], plan: Plan = Plan.TEAM, members: frozenset[str] = frozenset()
    ) -> Organization:
        """Found an organization; one of the same name is replaced."""
        organization = Organization(name, str(uuid4()), owners, plan, members)
        self.logins.organizations[name] = organization
        return organization

    def publish(self, repository: str, image: Image, *, tag: str | None = None, private: bool = False) -> None:
        """Put an image into a repository."""
        self.images.add(repository, image, tag=tag)
        if private:
            self.private.add(repository)

    def pulls_of(self, username: str) -> int:
        """How many pulls an account has made."""
        return self.limits.pulls[self.logins.accounts[username].id]

    async def accepts(self, username: str, password: str) -> bool:
        """Whether the registry's token service would accept the credentials now.

        Asking is no login: it counts nothing and leaves no trace, but a locked user name is refused.
        """
        if self.logins.locked(username):
            return False
        try:
            self.logins.check(username, password)
        except (LoginFailed, TokenExpired, PasswordNotAccepted):
            return False
        return True

    def exhaust(self, source: str) -> None:
        """Use up the pulls of an address, of an account's UUID, or of an account by its name."""
        account = self.logins.accounts.get(source)
        identifier = account.id if account is not None else source
        known = {known.id for known in self.logins.accounts.values()}
        (self.limits.personal if identifier in known else self.limits.anonymous).exhaust(identifier)

    def admit_request(self, address: str) -> None:
        """Count a request of any kind from an address; raises AbuseLimited."""
        if not self.abuse.spend(anonymous_source(address)):
            raise AbuseLimited

    def may_pull(self, repository: str, identity: Identity | None) -> bool:
        """Whether the repository exists and may be pulled from; None is somebody who did not log in."""
        if self.images.find(repository) is None:
            return False
        private = repository in self.private
        return not private if identity is None else identity.may_pull(repository, private=private)

    def grants_for(self, wanted: list[Grant], identity: Identity | None) -> list[Grant]:
        """What of the wanted grants a registry token gets; pulling is all there is."""
        return [
            Grant(grant.type, grant.name, frozenset({"pull"}))
            for grant in wanted
            if grant.type == "repository" and "pull" in grant.actions and self.may_pull(grant.name, identity)
        ]
