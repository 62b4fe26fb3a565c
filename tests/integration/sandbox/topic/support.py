"""A stand-in for the function host's Event Grid webhook."""

from collections.abc import Iterable
from typing import Any, ClassVar

from aiohttp import web

from sandbox.frame.service import Refusal, Service


class Webhook(Service):
    """A function host's Event Grid webhook; answers with the given statuses, then with 202."""

    name: ClassVar[str] = "webhook"
    tls: ClassVar[bool] = False

    def __init__(self, *statuses: int, proves: bool = True) -> None:
        self.statuses = list(statuses)
        self.proves = proves
        self.received: list[Any] = []
        self.headers: list[dict[str, str]] = []

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The webhook's route."""
        path = "/runtime/webhooks/EventGrid"
        return [web.post(path, self._post), web.route("OPTIONS", path, self._options)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """No route but the webhook."""
        return web.Response(status=refusal.status)

    async def _options(self, request: web.Request) -> web.StreamResponse:
        origin = request.headers["WebHook-Request-Origin"] if self.proves else "elsewhere"
        return web.Response(headers={"WebHook-Allowed-Origin": origin})

    async def _post(self, request: web.Request) -> web.StreamResponse:
        assert request.query["code"] == "system-key"
        body = await request.json()
        if request.headers["aeg-event-type"] == "SubscriptionValidation":
            code = body[0]["data"]["validationCode"] if self.proves else "wrong"
            return web.json_response({"validationResponse": code})
        self.received.append(body)
        self.headers.append(dict(request.headers))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 202)
