"""Seeds Docker Hub: accounts, tokens, images, and how many pulls are left."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from sandbox.control.bodies import Limits, NewAccount, NewImage, NewToken, Source
from sandbox.frame.control import BadControlRequest, answer, read
from sandbox.hub.personal_tokens import NewPersonalToken
from sandbox.oci.content import Platform
from sandbox.oci.images import multi_arch_image, single_image

if TYPE_CHECKING:
    from sandbox.hub.accounts import Account
    from sandbox.world import World


class HubRoutes:
    """The routes below `/state/hub`."""

    def __init__(self, world: "World") -> None:
        self._hub = world.hub

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Seed, and use up."""
        return [
            web.post("/state/hub/accounts", self._add_account),
            web.post("/state/hub/tokens", self._add_token),
            web.delete("/state/hub/tokens/{username}/{uuid}", self._remove_token),
            web.post("/state/hub/images", self._add_image),
            web.post("/state/hub/exhaust", self._exhaust),
            web.post("/state/hub/reset", self._reset),
            web.post("/state/hub/limits", self._limit),
        ]

    async def _add_account(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, NewAccount)
        made = self._hub.add_account(
            body.username, body.password, plan=body.plan, two_factor=body.two_factor, sso_enforced=body.sso_enforced
        )
        return answer({"id": made.id}, status=201)

    async def _add_token(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, NewToken)
        wanted = NewPersonalToken(token_label=body.label, scopes=list(body.scopes), expires_at=body.expires_at)
        made = self._hub.personal.create(self._account(body.username), wanted)
        return answer({"uuid": made.uuid, "token": made.text}, status=201)

    async def _remove_token(self, request: web.Request) -> web.StreamResponse:
        self._hub.personal.delete(self._account(request.match_info["username"]), request.match_info["uuid"])
        return web.Response(status=204)

    async def _add_image(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, NewImage)
        seed = f"{body.repository}:{body.tag}"
        platforms = [Platform("linux", architecture) for architecture in body.architectures]
        image = (
            single_image(seed, platform=platforms[0], labels=body.labels)
            if len(platforms) == 1
            else multi_arch_image(seed, platforms=platforms, labels=body.labels)
        )
        self._hub.publish(body.repository, image, tag=body.tag, private=body.private)
        return answer({"digest": image.digest}, status=201)

    async def _exhaust(self, request: web.Request) -> web.StreamResponse:
        self._hub.exhaust(self._source(await read(request, Source)))
        return web.Response(status=204)

    async def _reset(self, request: web.Request) -> web.StreamResponse:
        source = self._source(await read(request, Source))
        account = self._hub.logins.accounts.get(source)
        self._hub.limits.personal.reset(account.id if account is not None else source)
        self._hub.limits.anonymous.reset(source)
        return web.Response(status=204)

    async def _limit(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, Limits)
        if body.anonymous is not msgspec.UNSET:
            self._hub.limits.anonymous.limit = body.anonymous
        if body.personal is not msgspec.UNSET:
            self._hub.limits.personal.limit = body.personal
        return web.Response(status=204)

    def _source(self, body: Source) -> str:
        """Whose pulls are meant; a misspelt name would exhaust nobody, silently."""
        accounts = self._hub.logins.accounts
        if body.source in accounts or body.source in {account.id for account in accounts.values()}:
            return body.source
        try:
            return str(ip_address(body.source))
        except ValueError as error:
            known = f"an IP address or one of the accounts {', '.join(accounts)}"
            raise BadControlRequest(detail=f"source: found {body.source!r}, expected {known}") from error

    def _account(self, username: str) -> "Account":
        account = self._hub.logins.accounts.get(username)
        if account is None:
            raise BadControlRequest(detail=f"There is no account {username!r} at Docker Hub.")
        return account
