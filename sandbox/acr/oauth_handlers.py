"""`/oauth2`: Entra ID's token for a refresh token, a refresh token or a password for an access token."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from sandbox.acr.gate import Gate, Subject
from sandbox.acr.refusals import Unauthorized
from sandbox.oci.access import parse_scopes
from sandbox.oci.remote import Credentials
from sandbox.oci.wire import basic_credentials


class OAuthHandlers:
    """The registry's token service."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The routes of the token service."""
        return [
            web.post("/oauth2/exchange", self._exchange),
            web.post("/oauth2/token", self._token),
            web.get("/oauth2/token", self._token_by_login, allow_head=False),
        ]

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        if form.get("grant_type") not in {"access_token", "access_token_refresh_token"}:
            raise Unauthorized
        return web.json_response({"refresh_token": self._gate.exchange(_text(form, "access_token"))})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        match form.get("grant_type"):
            case "refresh_token":
                subject = self._gate.by_refresh_token(_text(form, "refresh_token"))
            case "password" if "username" in form:
                subject = self._gate.by_login(Credentials(_text(form, "username"), _text(form, "password")))
            case _:  # the SDK's anonymous sign-in comes here; anonymous pull is disabled by default
                raise Unauthorized
        return self._answer(subject, [str(scope) for scope in form.getall("scope", [])])

    async def _token_by_login(self, request: web.Request) -> web.StreamResponse:
        try:
            login = basic_credentials(request)
        except ValueError as error:
            raise Unauthorized from error
        if login is None:
            raise Unauthorized
        return self._answer(self._gate.by_login(login), request.query.getall("scope", []))

    def _answer(self, subject: Subject, scopes: list[str]) -> web.Response:
        return web.json_response({"access_token": self._gate.access_token(subject, parse_scopes(scopes))})


def _text(form: MultiDictProxy[Any], name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
