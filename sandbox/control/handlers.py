"""The control API of a world: everything of the frame's, and the state of the emulated systems."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import web

from sandbox.control.bodies import Advance, Evaluation, Event, Host, NewPod, NewReceiver
from sandbox.control.cloud_routes import CloudRoutes
from sandbox.control.hub_routes import HubRoutes
from sandbox.control.state import PARTS
from sandbox.frame.control import BadControlRequest, ControlService, answer, read
from sandbox.logs.values import RowError
from sandbox.monitor.rules import AlertRule
from sandbox.oci.client import PulledImage
from sandbox.topic.delivery import HandshakeFailed, Subscription

if TYPE_CHECKING:
    from sandbox.world import World


class WorldControl(ControlService):
    """The control API, over the models of one world."""

    def __init__(self, world: "World") -> None:
        super().__init__(world.exchanges, world.faults)
        self._world = world

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The frame's routes and the world's."""
        return [
            *super().routes(),
            *CloudRoutes(self._world).routes(),
            *HubRoutes(self._world).routes(),
            web.get("/state", self._state),
            web.get("/state/{part}", self._part),
            web.post("/logs/{table}", self._append),
            web.delete("/logs", self._clear_logs),
            web.post("/state/clock", self._advance),
            web.post("/state/sinks", self._add_receiver),
            web.post("/state/alert-rules", self._add_alert_rule),
            web.post("/state/alerts/evaluate", self._evaluate),
            web.post("/state/alerts", self._post_alert),
            web.post("/state/pods", self._start_pod),
            web.post("/state/registry-login", self._log_in),
            web.post("/state/host", self._connect),
            web.post("/state/subscriptions", self._subscribe),
            web.delete("/state/subscriptions/{name}", self._unsubscribe),
            web.post("/state/events", self._publish),
        ]

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        return answer({name: await part(self._world) for name, part in PARTS.items()})

    async def _part(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["part"]
        if name not in PARTS:
            raise BadControlRequest(detail=f"There is no state {name!r}; there are {', '.join(PARTS)}.")
        return answer(await PARTS[name](self._world))

    async def _append(self, request: web.Request) -> web.StreamResponse:
        rows = await read(request, list[dict[str, Any]])
        try:
            count = self._world.workspace.append(request.match_info["table"], rows)
        except RowError as error:
            raise BadControlRequest(detail=str(error)) from error
        return answer({"appended": count}, status=201)

    async def _clear_logs(self, _request: web.Request) -> web.StreamResponse:
        self._world.workspace.clear()
        return web.Response(status=204)

    async def _advance(self, request: web.Request) -> web.StreamResponse:
        self._world.clock.advance((await read(request, Advance)).seconds)
        self._world.vault.announce_expiry()
        return answer({"now": self._world.clock()})

    async def _add_receiver(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, NewReceiver)
        path = self._world.sinks.add(body.kind, body.name)
        return answer({"url": self._world.sink_service.base_url + path}, status=201)

    async def _add_alert_rule(self, request: web.Request) -> web.StreamResponse:
        self._world.monitor.add(await read(request, AlertRule))
        return web.Response(status=204)

    async def _evaluate(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, Evaluation)
        try:
            return answer(await self._world.monitor.evaluate(body.rule))
        except LookupError as error:
            raise BadControlRequest(detail=str(error)) from error

    async def _post_alert(self, request: web.Request) -> web.StreamResponse:
        payload = await read(request, dict[str, Any])
        try:
            return answer(await self._world.action_group.post(payload))
        except (LookupError, TypeError) as error:
            raise BadControlRequest(detail=f"not a common alert, or no host: {error}") from error

    async def _start_pod(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, NewPod)
        try:
            started = await self._world.cluster.try_pod(body.image, namespace=body.namespace, name=body.name)
        except ValueError as error:
            raise BadControlRequest(detail=f"{body.image!r} names no image: {error}") from error
        if isinstance(started, PulledImage):
            return answer({"running": True, "digest": started.digest, "why": None})
        return answer({"running": False, "digest": None, "why": str(started)})

    async def _log_in(self, _request: web.Request) -> web.StreamResponse:
        return answer(await self._world.cluster.login())

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, Host)
        self._world.connect_host(body.url, function_key=body.function_key, eventgrid_key=body.eventgrid_key)
        return web.Response(status=204)

    async def _subscribe(self, request: web.Request) -> web.StreamResponse:
        subscription = await read(request, Subscription)
        try:
            await self._world.delivery.subscribe(subscription)
        except HandshakeFailed as error:
            raise BadControlRequest(detail=f"the handshake failed: {error}") from error
        return answer({"name": subscription.name}, status=201)

    async def _unsubscribe(self, request: web.Request) -> web.StreamResponse:
        self._world.delivery.unsubscribe(request.match_info["name"])
        return web.Response(status=204)

    async def _publish(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, Event)
        event = {
            "id": str(uuid4()),
            "topic": body.topic,
            "subject": body.subject,
            "eventType": body.event_type,
            "eventTime": self._world.clock().isoformat(),
            "data": body.data,
            "dataVersion": "1",
            "metadataVersion": "1",
        }
        self._world.delivery.offer(event)
        return answer({"id": event["id"]}, status=202)
