"""The management API, `hub.docker.com`: log in, personal access tokens, organization access tokens.

Only a login with a password may manage tokens: a bearer token that was minted from an access token is refused, so a
leaked token can't make its successors.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar, Final

import msgspec
from aiohttp import web

from sandbox.frame.service import Refusal, Service
from sandbox.hub.accounts import Account, Organization
from sandbox.hub.logins import Secret
from sandbox.hub.models import Hub
from sandbox.hub.organization_tokens import NewOrganizationToken, OrganizationTokenChange
from sandbox.hub.personal_tokens import NewPersonalToken, PersonalTokenChange
from sandbox.hub.pulls import anonymous_source
from sandbox.hub.refusals import (
    AbuseLimited,
    ApiLoginFailed,
    ApiRateLimited,
    InvalidFields,
    LoginFailed,
    NotAnOwner,
    NotFound,
    OrganizationTokenNotAllowed,
    PasswordNotAccepted,
    PersonalTokenNotAllowed,
    TokenExpired,
    Unauthorized,
)
from sandbox.hub.views import organization_token_json, paged, personal_token_json
from sandbox.oci.wire import bearer_token

_LIFETIME_S: Final = 600

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Login(msgspec.Struct, frozen=True):
    identifier: str
    secret: str


class HubService(Service):
    """The routes of the management API that this product uses."""

    name: ClassVar[str] = "hub"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The service's routes, each within the limit per minute."""
        personal, organization = "/v2/access-tokens", "/v2/orgs/{org}/access-tokens"
        listed: list[tuple[str, str, Handler]] = [
            ("POST", "/v2/auth/token", self._log_in),
            ("POST", personal, self._create_personal),
            ("GET", personal, self._list_personal),
            ("GET", personal + "/{id}", self._get_personal),
            ("PATCH", personal + "/{id}", self._change_personal),
            ("DELETE", personal + "/{id}", self._delete_personal),
            ("POST", organization, self._create_organization),
            ("GET", organization, self._list_organization),
            ("GET", organization + "/{id}", self._get_organization),
            ("PATCH", organization + "/{id}", self._change_organization),
            ("DELETE", organization + "/{id}", self._delete_organization),
        ]
        return [web.route(method, path, self._limited(handler)) for method, path, handler in listed]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """The API's several error documents."""
        match refusal:
            case AbuseLimited():
                return web.Response(status=refusal.status, text=refusal.message)
            case InvalidFields():
                return web.json_response({"fields": refusal.fields, "text": refusal.message}, status=refusal.status)
            case ApiRateLimited():
                return web.json_response({"detail": refusal.message, "error": False}, status=refusal.status)
            case ApiLoginFailed():
                return web.json_response({"detail": refusal.message}, status=refusal.status)
            case _:
                return web.json_response({"message": refusal.message, "errinfo": {}}, status=refusal.status)

    def _limited(self, handler: Handler) -> Handler:
        async def limited(request: web.Request) -> web.StreamResponse:
            self._hub.admit_request(request.remote or "")
            source = anonymous_source(request.remote or "")
            spent = self._hub.api.spend(source)
            headers = self._limit_headers(source)
            if not spent:
                reset = headers["X-RateLimit-Reset"]
                raise ApiRateLimited(headers={**headers, "X-Retry-After": reset, "Retry-After": reset})
            try:
                response = await handler(request)
            except Refusal as refusal:
                refusal.headers.update(headers)
                raise
            response.headers.update(headers)
            return response

        return limited

    def _limit_headers(self, source: str) -> dict[str, str]:
        windows = self._hub.api
        if windows.limit is None:
            return {}
        return {
            "X-RateLimit-Limit": str(windows.limit.count),
            "X-RateLimit-Remaining": str(windows.remaining(source)),
            "X-RateLimit-Reset": str(int(windows.resets_at(source)) + 1),
        }

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        login = await _body(request, _Login)
        try:
            identity = self._hub.logins.log_in(login.identifier, login.secret)
        except (LoginFailed, TokenExpired, PasswordNotAccepted) as error:
            raise ApiLoginFailed from error
        token = self._hub.api_tokens.issue(
            identity.name, lifetime_s=_LIFETIME_S, claims={"source": identity.secret.value}
        )
        return web.json_response({"access_token": token})

    def _account(self, request: web.Request) -> Account:
        token = self._hub.api_tokens.read(bearer_token(request))
        if token is None:
            raise Unauthorized
        match token.claims.get("source"):
            case Secret.PERSONAL_TOKEN:
                raise PersonalTokenNotAllowed
            case Secret.ORGANIZATION_TOKEN:
                raise OrganizationTokenNotAllowed
        account = self._hub.logins.accounts.get(token.subject)
        if account is None:
            raise Unauthorized
        return account

    def _organization(self, request: web.Request) -> tuple[Account, Organization]:
        account = self._account(request)
        organization = self._hub.logins.organizations.get(request.match_info["org"])
        if organization is None:
            raise NotFound
        if account.username not in organization.owners:
            raise NotAnOwner
        return account, organization

    async def _create_personal(self, request: web.Request) -> web.StreamResponse:
        account, new = self._account(request), await _body(request, NewPersonalToken)
        agent = request.headers.get("User-Agent", "")
        token = self._hub.personal.create(account, new, ip=request.remote or "", user_agent=agent)
        return web.json_response(personal_token_json(token, shown=True), status=201)

    async def _list_personal(self, request: web.Request) -> web.StreamResponse:
        tokens = self._hub.personal.of(self._account(request))
        now = self._hub.clock()
        active = sum(token.is_active and not token.expired(now) for token in tokens)
        page = paged(request, self.base_url, [personal_token_json(token) for token in tokens], total="count")
        return web.json_response({**page, "active_count": active})

    async def _get_personal(self, request: web.Request) -> web.StreamResponse:
        token = self._hub.personal.get(self._account(request), request.match_info["id"])
        return web.json_response(personal_token_json(token))

    async def _change_personal(self, request: web.Request) -> web.StreamResponse:
        account, change = self._account(request), await _body(request, PersonalTokenChange)
        return web.json_response(
            personal_token_json(self._hub.personal.change(account, request.match_info["id"], change))
        )

    async def _delete_personal(self, request: web.Request) -> web.StreamResponse:
        self._hub.personal.delete(self._account(request), request.match_info["id"])
        return web.Response(status=204)

    async def _create_organization(self, request: web.Request) -> web.StreamResponse:
        account, organization = self._organization(request)
        new = await _body(request, NewOrganizationToken)
        token = self._hub.organization.create(organization, new, by=account.username)
        return web.json_response(organization_token_json(token, shown=True), status=201)

    async def _list_organization(self, request: web.Request) -> web.StreamResponse:
        _, organization = self._organization(request)
        tokens = [organization_token_json(token, listed=True) for token in self._hub.organization.of(organization)]
        return web.json_response(paged(request, self.base_url, tokens, total="total"))

    async def _get_organization(self, request: web.Request) -> web.StreamResponse:
        _, organization = self._organization(request)
        return web.json_response(
            organization_token_json(self._hub.organization.get(organization, request.match_info["id"]))
        )

    async def _change_organization(self, request: web.Request) -> web.StreamResponse:
        _, organization = self._organization(request)
        change = await _body(request, OrganizationTokenChange)
        token = self._hub.organization.change(organization, request.match_info["id"], change)
        return web.json_response(organization_token_json(token))

    async def _delete_organization(self, request: web.Request) -> web.StreamResponse:
        _, organization = self._organization(request)
        self._hub.organization.delete(organization, request.match_info["id"])
        return web.Response(status=204)


async def _body[Body: msgspec.Struct](request: web.Request, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise InvalidFields(body=str(error)) from error
