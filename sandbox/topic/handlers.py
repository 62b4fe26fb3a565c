"""Publishing to the custom topic on the wire: `POST /api/events`."""

from collections.abc import Iterable
from typing import ClassVar, Final

from aiohttp import web

from sandbox.arm.access import AccessControl
from sandbox.frame.service import Refusal, Service
from sandbox.identity.tokens import EVENT_GRID_AUDIENCES, TokenAuthority, TokenRejected
from sandbox.topic.models import Topic
from sandbox.topic.refusals import BadEvents, KeyNotAuthorized, SenderNotAllowed, TooLarge, Unauthorized
from sandbox.topic.schemas import read_events

_LIMIT: Final = 1024 * 1024
_SEND: Final = "Microsoft.EventGrid/events/send/action"
_API_VERSION: Final = "2018-01-01"


class TopicService(Service):
    """Event Grid's endpoint of one custom topic."""

    name: ClassVar[str] = "topic"

    def __init__(self, topic: Topic, tokens: TokenAuthority, access: AccessControl) -> None:
        self.topic = topic
        self._tokens = tokens
        self._access = access

    @property
    def endpoint(self) -> str:
        """The topic's endpoint as a publisher is given it."""
        return f"{self.base_url}/api/events"

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The one operation of the data plane."""
        return [web.post("/api/events", self._publish)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """`{"error": {"code", "message", "details": [{"code", "message"}]}}`."""
        words = {"code": refusal.code, "message": refusal.message}
        return web.json_response({"error": {**words, "details": [words]}}, status=refusal.status)

    async def _publish(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        if request.query.get("api-version") != _API_VERSION:
            raise BadEvents(detail=f"The api-version has to be {_API_VERSION}.")
        body = await request.read()
        if len(body) > _LIMIT:
            raise TooLarge
        self.topic.publish(read_events(body, request.content_type, self.topic.schema, self.topic.resource_id))
        return web.Response()

    def _authorize(self, request: web.Request) -> None:
        host = request.host.upper()
        scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            self._check_token(request, host)
        elif key := request.headers.get("aeg-sas-key") or request.query.get("aeg-sas-key"):
            self.topic.check_key(key, host)
        elif token := request.headers.get("aeg-sas-token") or (credential if scheme == "SharedAccessSignature" else ""):
            self.topic.check_signature(token, self.endpoint, host)
        else:
            raise Unauthorized

    def _check_token(self, request: web.Request, host: str) -> None:
        try:
            caller = self._tokens.verify_header(request.headers["Authorization"], audiences=EVENT_GRID_AUDIENCES)
        except TokenRejected as rejected:
            raise KeyNotAuthorized(host=host, reason=str(rejected)) from rejected
        if not self._access.allows(caller.object_id, _SEND, self.topic.resource_id, data=True):
            raise SenderNotAllowed(resource=self.topic.resource_id)
