"""The token service, `auth.docker.io`: Basic or nothing in, a registry token out."""

from collections.abc import Iterable
from datetime import UTC
from typing import ClassVar, Final

from aiohttp import web

from sandbox.frame.service import Refusal, Service
from sandbox.hub.logins import Identity
from sandbox.hub.models import Hub
from sandbox.hub.refusals import AbuseLimited, LoginFailed
from sandbox.oci.access import parse_scopes
from sandbox.oci.wire import basic_credentials

_LIFETIME_S: Final = 300


class HubAuthService(Service):
    """`GET /token` and the OAuth2 form `POST /token` that containerd tries first."""

    name: ClassVar[str] = "hub_auth"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The service's routes."""
        return [web.get("/token", self._get, allow_head=False), web.post("/token", self._post)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """`{"details": …}`, and bare text for the abuse limit."""
        if isinstance(refusal, AbuseLimited):
            return web.Response(status=refusal.status, text=refusal.message)
        return web.json_response({"details": refusal.message}, status=refusal.status)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self._hub.admit_request(request.remote or "")
        try:
            credentials = basic_credentials(request)
        except ValueError as error:
            raise LoginFailed from error
        identity = None
        if credentials is not None:
            identity = self._hub.logins.log_in(credentials.username, credentials.password)
        return self._token(identity, request.query.get("service", ""), request.query.getall("scope", []))

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self._hub.admit_request(request.remote or "")
        form = {name: str(value) for name, value in (await request.post()).items()}
        if form.get("grant_type") != "password":
            raise LoginFailed
        identity = self._hub.logins.log_in(form.get("username", ""), form.get("password", ""))
        return self._token(identity, form.get("service", ""), [form.get("scope", "")])

    def _token(self, identity: Identity | None, service: str, scopes: list[str]) -> web.Response:
        grants = self._hub.grants_for(parse_scopes(scopes), identity)
        claims: dict[str, object] = {"service": service}
        if identity is not None:
            claims |= {"account": identity.name, "id": identity.id, "paid": identity.paid}
        token = self._hub.registry_tokens.issue(
            identity.name if identity is not None else "", lifetime_s=_LIFETIME_S, grants=grants, claims=claims
        )
        issued_at = self._hub.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = {"token": token, "access_token": token, "expires_in": _LIFETIME_S, "issued_at": issued_at}
        return web.json_response(body)
