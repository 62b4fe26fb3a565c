"""The receivers on the wire: `POST /teams/{name}`, `/slack/{name}`, `/webhook/{name}`."""

from collections.abc import Iterable
from typing import ClassVar

from aiohttp import web

from sandbox.frame.service import Refusal, Service
from sandbox.sink.models import Kind, Sinks


class SinkService(Service):
    """All receivers behind one port."""

    name: ClassVar[str] = "sink"

    def __init__(self, sinks: Sinks) -> None:
        self.sinks = sinks

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """One route for each kind of receiver."""
        return [
            web.post("/teams/{name}", self._teams),
            web.post("/slack/{name}", self._slack),
            web.post("/webhook/{name}", self._webhook),
        ]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """Slack and unknown addresses answer with a bare word; Teams workflows with an error object."""
        if refusal.message == refusal.code:
            return web.Response(status=refusal.status, text=refusal.message)
        return web.json_response({"error": {"code": refusal.code, "message": refusal.message}}, status=refusal.status)

    async def _teams(self, request: web.Request) -> web.StreamResponse:
        await self._take(Kind.TEAMS, request)
        return web.Response(status=202)

    async def _slack(self, request: web.Request) -> web.StreamResponse:
        await self._take(Kind.SLACK, request)
        return web.Response(text="ok")

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        await self._take(Kind.WEBHOOK, request)
        return web.Response()

    async def _take(self, kind: Kind, request: web.Request) -> None:
        self.sinks.deliver(kind, request.match_info["name"], request.headers, await request.read())
