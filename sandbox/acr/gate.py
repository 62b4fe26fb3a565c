"""Who may do what in the registry: Entra ID's token becomes a refresh token, that becomes an access token with scopes.

The trap it avoids: an emulator that takes any token hides a missing role. Every scope is held against the caller's role
assignments on the registry.
"""

from typing import Final

import msgspec

from sandbox.acr.ports import AccessControl, TokenVerifier
from sandbox.acr.refusals import Denied, Unauthorized
from sandbox.frame.service import Clock, system_clock
from sandbox.identity.tokens import ACR_AUDIENCES, TokenRejected
from sandbox.oci.access import AccessToken, AccessTokens, Grant
from sandbox.oci.remote import Credentials

TOKEN_USER: Final = "00000000-0000-0000-0000-000000000000"
"""The user name with which a refresh token is sent as the password (documented)."""
CATALOG: Final = Grant("registry", "catalog", frozenset({"*"}))
_REFRESH_S: Final = 3 * 3600
_ACCESS_S: Final = 75 * 60
_ACR: Final = "Microsoft.ContainerRegistry/registries"
_ACTIONS: Final = {
    "pull": f"{_ACR}/pull/read",
    "metadata_read": f"{_ACR}/pull/read",
    "push": f"{_ACR}/push/write",
    "metadata_write": f"{_ACR}/push/write",
    "delete": f"{_ACR}/artifacts/delete",
}


class Subject(msgspec.Struct, frozen=True):
    """Somebody who is signed in: a principal by its object id, or the registry's admin user, who may do everything."""

    id: str
    admin: bool = False


class Gate:
    """The registry's own token service.

    Attributes:
        admin: the admin user's name and password; None while it is disabled, as it is by default.
    """

    def __init__(
        self, registry_id: str, verifier: TokenVerifier, access: AccessControl, *, clock: Clock = system_clock
    ) -> None:
        self.admin: Credentials | None = None
        self._registry_id = registry_id
        self._verifier = verifier
        self._access = access
        self._refresh_tokens = AccessTokens("Azure Container Registry refresh", clock=clock)
        self._access_tokens = AccessTokens("Azure Container Registry", clock=clock)

    def exchange(self, token: str) -> str:
        """A refresh token for one of Entra ID's; raises Unauthorized when it is bad or its holder may do nothing here.

        That a principal without any role is refused already here is documented ("Access to registry was denied.
        Response code: 401").
        """
        try:
            caller = self._verifier.verify(token, audiences=ACR_AUDIENCES)
        except TokenRejected as error:
            raise Unauthorized from error
        subject = Subject(caller.object_id)
        if not any(self._may(subject, action) for action in _ACTIONS) and not self._may_list(subject):
            raise Unauthorized
        return self._refresh_tokens.issue(subject.id, lifetime_s=_REFRESH_S, claims={"grant_type": "refresh_token"})

    def by_refresh_token(self, token: str) -> Subject:
        """Who holds a refresh token; raises Unauthorized."""
        read = self._refresh_tokens.read(token)
        if read is None:
            raise Unauthorized
        return Subject(read.subject)

    def by_login(self, login: Credentials) -> Subject:
        """Who logs in with user name and password: the admin, or a refresh token's holder; raises Unauthorized."""
        if login.username == TOKEN_USER:
            return self.by_refresh_token(login.password)
        if self.admin is None or login != self.admin:
            raise Unauthorized
        return Subject(login.username, admin=True)

    def access_token(self, subject: Subject, wanted: list[Grant]) -> str:
        """A token with what of the wanted scopes the subject may; raises Unauthorized when it may none of them."""
        granted = [grant for grant in (self._allowed(subject, grant) for grant in wanted) if grant.actions]
        if wanted and not granted:
            raise Unauthorized
        return self._access_tokens.issue(
            subject.id, lifetime_s=_ACCESS_S, grants=granted, claims={"grant_type": "access_token"}
        )

    def read(self, token: str) -> AccessToken | None:
        """What an access token says; None when it is none."""
        return self._access_tokens.read(token)

    def require(self, subject: Subject, wanted: Grant) -> None:
        """For a caller who sends a password with each request: raises Denied when it may not."""
        if not wanted.actions <= self._allowed(subject, wanted).actions:
            raise Denied

    def _allowed(self, subject: Subject, wanted: Grant) -> Grant:
        if wanted.type == "registry":
            may = wanted.name == CATALOG.name and self._may_list(subject)
            return Grant(wanted.type, wanted.name, CATALOG.actions if may else frozenset())
        if wanted.type != "repository":
            return Grant(wanted.type, wanted.name, frozenset())
        allowed = frozenset(action for action in wanted.actions if self._may(subject, action))
        return Grant(wanted.type, wanted.name, allowed)

    def _may(self, subject: Subject, action: str) -> bool:
        if subject.admin:
            return True
        permission = _ACTIONS.get(action)
        return permission is not None and self._access.allows(subject.id, permission, self._registry_id)

    def _may_list(self, subject: Subject) -> bool:
        listing = f"{_ACR}/catalog/read"
        return self._may(subject, "pull") or self._access.allows(subject.id, listing, self._registry_id, data=True)
