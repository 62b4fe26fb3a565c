"""The managed-identity endpoint of App Service and Functions, api-version 2019-08-01.

Plain HTTP, as on the platform: `IDENTITY_ENDPOINT` names it and `IDENTITY_HEADER` is the shared secret that proves that
the caller runs inside the app.
"""

import hmac
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final
from uuid import uuid4

from aiohttp import web

from sandbox.frame.service import Clock, Refusal, Service, system_clock
from sandbox.identity.directory import Identity
from sandbox.identity.refusals import (
    BadVersion,
    IdentityNotFound,
    NoSystemIdentity,
    ResourceMissing,
    TwoIdentities,
    UnknownResource,
    WrongHeader,
)
from sandbox.identity.tokens import (
    ACR_AUDIENCES,
    ARM_AUDIENCES,
    EVENT_GRID_AUDIENCES,
    LOGS_AUDIENCES,
    MONITOR_AUDIENCES,
    VAULT_AUDIENCES,
    TokenAuthority,
)

PATH: Final = "/msi/token"
"""Where the endpoint lies below the service's address."""

_VERSION: Final = "2019-08-01"
_SELECTORS: Final = ("client_id", "principal_id", "mi_res_id")
_STORAGE: Final = frozenset({"https://storage.azure.com", "https://storage.azure.com/"})
_RESOURCES: Final = (
    ACR_AUDIENCES
    | ARM_AUDIENCES
    | EVENT_GRID_AUDIENCES
    | LOGS_AUDIENCES
    | MONITOR_AUDIENCES
    | VAULT_AUDIENCES
    | _STORAGE
    | frozenset(f"{audience}/" for audience in VAULT_AUDIENCES)
)


class IdentityService(Service):
    """One app's endpoint: its system-assigned identity, if it has one, and its user-assigned ones.

    Attributes:
        header: the secret that the app sends as `X-IDENTITY-HEADER`.
    """

    name: ClassVar[str] = "identity"
    tls: ClassVar[bool] = False

    def __init__(  # noqa: PLR0913 - the parts of one app's identity
        self,
        authority: TokenAuthority,
        *,
        header: str,
        system_assigned: Identity | None = None,
        user_assigned: Sequence[Identity] = (),
        lifetime_s: int = 86400,
        clock: Clock = system_clock,
    ) -> None:
        self.header = header
        self._authority = authority
        self._system_assigned = system_assigned
        self._user_assigned = tuple(user_assigned)
        self._lifetime_s = lifetime_s
        self._clock = clock

    @property
    def endpoint(self) -> str:
        """What `IDENTITY_ENDPOINT` has to be."""
        return self.base_url + PATH

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The one route."""
        return [web.get(PATH, self._token)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """An object with status, message and correlation id, as App Service answers."""
        body = {"statusCode": refusal.status, "message": refusal.message, "correlationId": str(uuid4())}
        return web.json_response(body, status=refusal.status)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", "").encode(), self.header.encode()):
            raise WrongHeader
        version = request.query.get("api-version", "")
        if version != _VERSION:
            raise BadVersion(version=version)
        resource = request.query.get("resource", "")
        if not resource:
            raise ResourceMissing
        if resource not in _RESOURCES:
            raise UnknownResource(resource=resource, tenant=self._authority.tenant_id)
        identity = self._select({name: request.query[name] for name in _SELECTORS if request.query.get(name)})
        token = self._authority.issue(
            audience=resource,
            principal_id=identity.object_id,
            client_id=identity.client_id,
            lifetime_s=self._lifetime_s,
            resource_id=identity.resource_id,
        )
        now = int(self._clock().timestamp())
        return web.json_response(
            {
                "access_token": token,
                "client_id": identity.client_id.upper(),  # as App Service writes it
                "expires_on": str(now + self._lifetime_s),
                "not_before": str(now),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def _select(self, selectors: dict[str, str]) -> Identity:
        if len(selectors) > 1:
            raise TwoIdentities
        if not selectors:
            if self._system_assigned is None:
                raise NoSystemIdentity
            return self._system_assigned
        [(name, value)] = selectors.items()
        for identity in self._user_assigned:
            known = {
                "client_id": identity.client_id,
                "principal_id": identity.object_id,
                "mi_res_id": identity.resource_id,
            }
            if known[name].lower() == value.lower():
                return identity
        raise IdentityNotFound
