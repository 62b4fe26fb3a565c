"""The ingestion endpoint on the wire: `POST /v2.1/track`, and Live Metrics, to which nobody is subscribed."""

import gzip
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import msgspec
from aiohttp import web

from sandbox.arm.access import AccessControl
from sandbox.frame.service import Refusal, Service
from sandbox.identity.tokens import MONITOR_AUDIENCES, TokenAuthority, TokenRejected
from sandbox.insights.models import INSTRUMENTATION_KEY, Insights
from sandbox.insights.refusals import BadEnvelope, NotAllowed, NoToken

_WRITE: Final = "Microsoft.Insights/Telemetry/Write"


class InsightsService(Service):
    """One component with local authentication switched off, as the templates make it."""

    name: ClassVar[str] = "insights"

    def __init__(self, insights: Insights, tokens: TokenAuthority, access: AccessControl) -> None:
        self.insights = insights
        self._tokens = tokens
        self._access = access

    @property
    def connection_string(self) -> str:
        """What `APPLICATIONINSIGHTS_CONNECTION_STRING` has to be."""
        address = self.base_url
        return f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={address}/;LiveEndpoint={address}/"

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Where telemetry goes, and where an exporter asks whether somebody looks at Live Metrics.

        An endpoint ends with a slash, to which the exporter adds three more (observed, 1.0.0b58).
        """
        return [web.post(r"/{slashes:/*}v2.1/track", self._track), web.post("/QuickPulseService.svc/ping", self._ping)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """Counts, and the reason as the error of the first item."""
        error = {"index": 0, "statusCode": refusal.status, "message": refusal.message}
        return web.json_response({"itemsReceived": 1, "itemsAccepted": 0, "errors": [error]}, status=refusal.status)

    async def _track(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        body = await request.read()
        taken = self.insights.take(_envelopes(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body))
        return web.json_response({"itemsReceived": taken, "itemsAccepted": taken, "errors": []})

    async def _ping(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        return web.Response(headers={"x-ms-qps-subscribed": "false"})

    def _authorize(self, request: web.Request) -> None:
        try:
            caller = self._tokens.verify_header(request.headers.get("Authorization"), audiences=MONITOR_AUDIENCES)
        except TokenRejected as rejected:
            raise NoToken(reason=str(rejected)) from rejected
        if not self._access.allows(caller.object_id, _WRITE, self.insights.resource_id, data=True):
            raise NotAllowed(resource=self.insights.resource_id)


def _envelopes(body: bytes) -> list[dict[str, Any]]:
    """A JSON array, or an object a line."""
    decoder = msgspec.json.Decoder(dict[str, Any])
    try:
        if body.lstrip().startswith(b"["):
            return msgspec.json.decode(body, type=list[dict[str, Any]])
        return [decoder.decode(line) for line in body.splitlines() if line.strip()]
    except msgspec.MsgspecError as error:
        raise BadEnvelope(detail=f"The body is no telemetry: {error}") from error
