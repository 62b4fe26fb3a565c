"""The host's HTTP front: hands a request to the admin API, the Event Grid webhook or the functions."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.host.errors import HostError
from sandbox.host.event_grid import PATH as EVENT_GRID_PATH

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DEFAULT_BODY_LIMIT = 104_857_600
"""Bytes; `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT` changes it (documented)."""


class Server:
    """Listens on loopback; paths are compared without regard to case.

    Attributes:
        is_running: while False, everything but `/admin` is answered with 503.
    """

    def __init__(self, admin: Handler, event_grid: Handler, functions: Handler, *, body_limit: int) -> None:
        self.is_running = False
        self._admin = admin
        self._event_grid = event_grid
        self._functions = functions
        self._body_limit = body_limit
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> int:
        """Begin to listen on 127.0.0.1 and return the port, which the kernel chooses for 0; raises `HostError`."""
        app = web.Application(client_max_size=self._body_limit)
        app.router.add_route("*", "/{path:.*}", self._dispatch)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, shutdown_timeout=1)
        try:
            await site.start()
        except OSError as error:
            raise HostError(f"port {port} can't be opened: {error}") from None
        address: tuple[str, int] = self._runner.addresses[0]
        return address[1]

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        path = request.path.lower()
        if _is_below(path, "/admin"):
            return await self._admin(request)
        if not self.is_running:
            return web.Response(status=503, text="Function host is not running.")
        if (request.content_length or 0) > self._body_limit:
            return web.Response(status=413)
        if _is_below(path, EVENT_GRID_PATH):
            return await self._event_grid(request)
        if path == "/":
            return web.Response(text="Your Functions app is up and running (embedded host).")
        return web.Response(status=404) if _is_below(path, "/runtime") else await self._functions(request)


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root + "/")
