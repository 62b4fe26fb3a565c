"""The query API on the wire: `/v1/workspaces/{id}/query` and `/v1/$batch`."""

import json
from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec
from aiohttp import web

from sandbox.arm.access import AccessControl
from sandbox.frame.service import Clock, Refusal, Service, system_clock
from sandbox.identity.tokens import LOGS_AUDIENCES, Rejection, TokenAuthority, TokenRejected
from sandbox.logs.models import LogAnalytics, Result, Workspace
from sandbox.logs.refusals import (
    AuthenticationMissing,
    BadArgument,
    InsufficientAccess,
    LogsRefusal,
    PathNotFound,
    TokenForAnother,
    TokenInvalid,
)
from sandbox.logs.timespans import interval

_QUERY = "Microsoft.OperationalInsights/workspaces/query/read"


class QueryBody(msgspec.Struct, frozen=True):
    """What a query request carries; nulls are sent for what is not set."""

    query: str
    timespan: str | None = None
    workspaces: list[str] | None = None


class BatchItem(msgspec.Struct, frozen=True):
    """One query of a batch."""

    id: str
    workspace: str
    body: QueryBody
    path: str = "/query"
    method: str = "POST"
    headers: dict[str, str] = {}


class Batch(msgspec.Struct, frozen=True):
    """Several queries in one request."""

    requests: list[BatchItem]


class LogsService(Service):
    """Log Analytics' query API over the workspaces of the model."""

    name: ClassVar[str] = "logs"

    def __init__(
        self, logs: LogAnalytics, tokens: TokenAuthority, access: AccessControl, *, clock: Clock = system_clock
    ) -> None:
        self.logs = logs
        self._tokens = tokens
        self._access = access
        self._clock = clock

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Query by POST and by GET, and the batch."""
        return [
            web.post("/v1/workspaces/{workspace}/query", self._post),
            web.get("/v1/workspaces/{workspace}/query", self._get),
            web.post("/v1/$batch", self._batch),
        ]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """`{"error": {"message", "code", "innererror"?}}`."""
        return web.json_response(_error_body(refusal), status=refusal.status)

    async def close(self) -> None:
        """Give the databases up."""
        self.logs.close()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        caller = self._caller(request)
        if request.content_type != "application/json":
            return web.Response()  # documented: a POST that does not say it is JSON gets an empty 200
        body = _decode(await request.read(), QueryBody)
        return await self._answer(caller, request.match_info["workspace"], body, _preferences(request.headers))

    async def _get(self, request: web.Request) -> web.StreamResponse:
        caller = self._caller(request)
        if "query" not in request.query:
            raise BadArgument("The parameter query is missing.")
        body = QueryBody(request.query["query"], request.query.get("timespan"))
        return await self._answer(caller, request.match_info["workspace"], body, _preferences(request.headers))

    async def _batch(self, request: web.Request) -> web.StreamResponse:
        caller = self._caller(request)
        batch = _decode(await request.read(), Batch)
        return web.json_response({"responses": [await self._item(caller, item) for item in batch.requests]})

    async def _item(self, caller: str, item: BatchItem) -> dict[str, Any]:
        try:
            if (item.method, item.path) != ("POST", "/query"):
                raise PathNotFound
            response = await self._answer(caller, item.workspace, item.body, _preferences(item.headers))
        except Refusal as refusal:
            return {"id": item.id, "status": refusal.status, "body": _error_body(refusal), "headers": refusal.headers}
        body = json.loads(response.text) if response.text else None
        return {"id": item.id, "status": response.status, "body": body, "headers": {}}

    async def _answer(
        self, caller: str, workspace_id: str, body: QueryBody, preferences: frozenset[str]
    ) -> web.Response:
        workspace = self._opened(caller, unquote(workspace_id))
        if body.workspaces:
            raise BadArgument("The sandbox asks one workspace at a time; workspaces has to be empty.")
        started = self._clock()
        span = interval(body.timespan, started) if body.timespan else None
        result = await self.logs.query(workspace, caller, body.query, span)
        if not workspace.has_data:
            return web.Response(status=204)  # documented: a workspace without data
        document = _document(result)
        if "include-statistics=true" in preferences:
            seconds = (self._clock() - started).total_seconds()
            document["statistics"] = {"query": {"executionTime": seconds, "resourceUsage": {"cache": {}, "cpu": {}}}}
        if "include-render=true" in preferences:
            document["render"] = {"visualization": None, "title": None}
        return web.json_response(document)

    def _opened(self, caller: str, workspace_id: str) -> Workspace:
        workspace = self.logs.workspace(workspace_id)
        if workspace is None:
            raise PathNotFound
        if not self._access.allows(caller, _QUERY, workspace.resource_id):
            raise InsufficientAccess
        return workspace

    def _caller(self, request: web.Request) -> str:
        try:
            principal = self._tokens.verify_header(request.headers.get("Authorization"), audiences=LOGS_AUDIENCES)
        except TokenRejected as rejected:
            if rejected.reason is Rejection.MISSING:
                raise AuthenticationMissing from rejected
            if rejected.reason is Rejection.AUDIENCE:
                allowed = ",".join(sorted(LOGS_AUDIENCES))
                raise TokenForAnother(audience=rejected.audience, allowed=allowed) from rejected
            raise TokenInvalid from rejected
        return principal.object_id


def _decode[T](body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise BadArgument(str(error)) from error


def _preferences(headers: Any) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in headers.get("Prefer", "").split(",") if part.strip())


def _document(result: Result) -> dict[str, Any]:
    columns = [{"name": name, "type": kind} for name, kind in result.columns]
    document: dict[str, Any] = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": result.rows}]}
    if result.truncated:
        limit = {"code": "-2133196797", "message": "The results of this query exceed the set limit of records."}
        engine = {
            "code": "EngineError",
            "message": "Something went wrong processing your query on the server.",
            "innererror": limit,
        }
        document["error"] = {
            "code": "PartialError",
            "message": "There were some errors when processing your query.",
            "details": [engine],
        }
    return document


def _error_body(refusal: Refusal) -> dict[str, Any]:
    error: dict[str, Any] = {"message": refusal.message, "code": refusal.code}
    inner = refusal.inner() if isinstance(refusal, LogsRefusal) else None
    if inner is not None:
        error["innererror"] = inner
    return {"error": error}
