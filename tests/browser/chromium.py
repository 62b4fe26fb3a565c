"""A headless Chromium, driven over its DevTools protocol: pages are opened, looked at, clicked and photographed.

No driver is needed for that: the protocol is JSON over a WebSocket, which aiohttp speaks.
"""

import asyncio
import base64
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--mute-audio")
_START_S: Final = 60


def find_chromium() -> str | None:
    """The browser's path, None when there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class Tab:
    """One page of the browser.

    Attributes:
        complaints: what the console of the page and its security policy have complained of.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.complaints: list[str] = []
        self.status = 0
        self._reader = asyncio.create_task(self._read())

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; raises AssertionError with the browser's error."""
        number = next(self._numbers)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(_START_S):
            answer = await answered
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, url: str) -> None:
        """Go to an address and wait until it has loaded."""
        self._loaded.clear()
        await self.ask("Page.navigate", url=url)
        await self._settled()

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise's when it has settled."""
        answer = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def click(self, selector: str) -> None:
        """Click on an element that leads to another page, and wait for that."""
        self._loaded.clear()
        await self.run(f"document.querySelector({selector!r}).click()")
        await self._settled()

    async def look(self, *, width: int, dark: bool = False) -> None:
        """How wide the window is and which colours its user prefers."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.ask("Emulation.setEmulatedMedia", features=features)

    async def photograph(self, path: Path) -> None:
        """The whole page as PNG."""
        size = (await self.ask("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        answer = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    async def close(self) -> None:
        """Stop listening."""
        self._reader.cancel()
        await self._socket.close()

    async def _settled(self) -> None:
        async with asyncio.timeout(_START_S):
            await self._loaded.wait()

    async def _read(self) -> None:
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
                continue
            parameters = told.get("params", {})
            match told["method"]:
                case "Page.loadEventFired":
                    self._loaded.set()
                case "Network.responseReceived" if parameters["type"] == "Document":
                    self.status = parameters["response"]["status"]
                case "Log.entryAdded" if parameters["entry"]["source"] != "network":
                    self.complaints.append(parameters["entry"]["text"])


@asynccontextmanager
async def chromium(program: str, profile: Path) -> AsyncIterator[Tab]:
    """A browser with one empty page, and a profile of its own; it ends with the context."""
    command = [program, *_FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [page for page in await answer.json() if page["type"] == "page"]
            socket = await session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)
            tab = Tab(socket)
            for domain in ("Page", "Runtime", "Network", "Log"):
                await tab.ask(f"{domain}.enable")
            yield tab
            await tab.close()
    finally:
        process.kill()
        await process.wait()


async def _port(file: Path) -> int:
    """The port that the browser has chosen, once it has written it down."""
    written = ""
    async with asyncio.timeout(_START_S):
        while not written.strip():
            await asyncio.sleep(0.05)
            written = await asyncio.to_thread(_text, file)
    return int(written.splitlines()[0])


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
