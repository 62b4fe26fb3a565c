"""Puts the host together and runs it from start to drain.

Stopping loses nothing: the port closes to new work, the listeners stop receiving, and what is in work is finished. What
is not finished when the grace is over stays invisible in its queue and reappears there by itself, as after kill -9.
"""

import asyncio
import logging
import os
from datetime import timedelta
from pathlib import Path
from time import perf_counter, time
from typing import Any

import msgspec

from sandbox.frame.service import Clock, system_clock
from sandbox.host.admin import AdminApi
from sandbox.host.catalog import Catalog, build_catalog
from sandbox.host.connections import QueueClients
from sandbox.host.event_grid import EventGridWebhook
from sandbox.host.functions import TriggerKind
from sandbox.host.host_json import HostJson, load_host_json
from sandbox.host.http_trigger import HttpTrigger
from sandbox.host.invoker import Invoker
from sandbox.host.keys import Gatekeeper, HostKeys, load_keys
from sandbox.host.listeners import Listeners
from sandbox.host.logs import configure_logging
from sandbox.host.outputs import Outputs, Wakeups
from sandbox.host.queue_messages import MessageCodec
from sandbox.host.routes import RouteTable
from sandbox.host.server import DEFAULT_BODY_LIMIT, Server
from sandbox.host.settings import AppSettings, load_local_settings
from sandbox.host.worker import Worker

_logger = logging.getLogger("Host.Startup")


class HostOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to run an app.

    Attributes:
        app: the folder with `function_app.py` and `host.json`.
        state: the folder for keys and timers; hosts that share it are instances of one app.
        keys: the file with the keys; None is `keys.json` in the state folder.
        port: 0 lets the kernel choose.
        invisibility: how long a message whose host died stays invisible; 10 minutes in Azure.
        grace: how long a stopping host waits for what is in work.
    """

    app: Path
    state: Path
    keys: Path | None = None
    port: int = 0
    authenticate: bool = True
    invisibility: timedelta = timedelta(minutes=10)
    grace: timedelta = timedelta(seconds=30)


class Host:
    """One running host; a process can have only one.

    Attributes:
        port: where it listens, once started.
        keys: its access keys, once started.
    """

    port: int
    keys: HostKeys

    def __init__(self, options: HostOptions, clock: Clock = system_clock) -> None:
        self.is_draining = False
        self._options = options
        self._clock = clock
        self._started_at = time()
        self._draining: asyncio.Task[None] | None = None

    @property
    def status(self) -> dict[str, Any]:
        """What `GET /admin/host/status` answers."""
        uptime = int((time() - self._started_at) * 1000)
        state = "Running" if self._server.is_running else "Stopping"
        return {"id": "embedded", "state": state, "version": "4.0-embedded", "processUptime": uptime}

    async def start(self) -> None:
        """Index the app, open the port, start the listeners.

        Raises:
            HostError: a file, a setting or the app itself is not as it must be, or the port is taken.
        """
        began = perf_counter()
        load_local_settings(self._options.app, os.environ)
        self._settings = AppSettings(os.environ)
        host_json = load_host_json(self._options.app, self._settings)
        debug = (self._settings.get("PYTHON_ENABLE_DEBUG_LOGGING") or "").lower() in {"1", "true"}
        configure_logging(host_json.log_levels, debug=debug)
        if host_json.ignored:
            _logger.warning("host.json has keys that the host does not know: %s", ", ".join(host_json.ignored))
        self._worker = Worker(self._options.app, self._settings)
        await self._worker.start()
        indexed = perf_counter()
        catalog = self._assemble(host_json)
        self.port = await self._server.start(self._options.port)
        self._server.is_running = True
        self._listeners.start()
        done = perf_counter()
        timing = f"indexed in {(indexed - began) * 1000:.0f} ms, total {(done - began) * 1000:.0f} ms"
        print(f"Host started: {len(catalog.functions)} functions, port {self.port} ({timing})", flush=True)

    async def stop(self) -> bool:
        """Drain and end; False when the grace was over before everything in work was done."""
        self._server.is_running = False
        self._invoker.close()
        try:
            async with asyncio.timeout(self._options.grace.total_seconds()):
                await self._listeners.stop()
                await self._invoker.idle()
                await self._server.stop()
                await self._clients.close()
                await asyncio.to_thread(self._worker.stop)  # waits for sync functions that were cut off and still run
        except TimeoutError:
            _logger.warning("The grace is over; %d invocations did not end.", self._invoker.outstanding)
            return False
        return True

    def drain(self) -> None:
        """Stop the listeners in the background; HTTP goes on."""
        if not self.is_draining:
            self.is_draining = True
            self._draining = asyncio.create_task(self._listeners.stop())

    @property
    def is_drained(self) -> bool:
        """Whether a drain is complete: nothing of the listeners is in work any more."""
        return self._draining is not None and self._draining.done()

    def resume(self) -> bool:
        """Start the listeners again after a complete drain; False while one is under way."""
        if self.is_draining and not self.is_drained:
            return False
        if self.is_draining:
            self.is_draining = False
            self._listeners.start()
        return True

    def _assemble(self, host_json: HostJson) -> Catalog:
        options, settings = self._options, self._settings
        codec, wakeups = MessageCodec(host_json.queues.base64), Wakeups()
        self._clients = QueueClients(settings)
        outputs = Outputs(self._clients, settings, codec, wakeups)
        catalog = build_catalog(self._worker.functions, host_json, settings, self._clients, outputs)
        self._invoker = Invoker(self._worker, outputs, host_json.function_timeout, is_traced=host_json.opens_telemetry)
        self._listeners = Listeners(settings, self._clients, outputs, self._invoker)
        self._listeners.add_queues(catalog, host_json.queues, wakeups, options.invisibility)
        self._listeners.add_timers(catalog, options.state / "timers", self._clock)
        self.keys = load_keys(options.keys or options.state / "keys.json")
        gatekeeper = Gatekeeper(self.keys, options.authenticate)
        routes = RouteTable(catalog.runnable(TriggerKind.HTTP), host_json.http.route_prefix)
        self._server = Server(
            AdminApi(self, catalog, gatekeeper, self._invoker, self._listeners).handle,
            EventGridWebhook(catalog.runnable(TriggerKind.EVENT_GRID), gatekeeper, self._invoker).handle,
            HttpTrigger(routes, gatekeeper, self._invoker, host_json.http).handle,
            body_limit=int(settings.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT") or DEFAULT_BODY_LIMIT),
        )
        return catalog
