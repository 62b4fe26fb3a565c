"""Apprise's services through real sockets."""

import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from sandbox.world import World
from shared.adapters.channels.longtail import LongTailAddressInvalid, LongTailChannel, LongTailFailed
from shared.adapters.channels.posting import (
    ReceiverNotPublic,
)
from shared.adapters.channels.reach import Reach
from tests.integration.adapters.receivers import LOOPBACK, NOTICE, PLACES, Wired, policy_of


class Loopback:
    """A receiver on this machine, and what reached it."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        self.runner = web.AppRunner(web.Application())

    async def start(self) -> int:
        """Listen; the port."""
        router = self.runner.app.router
        router.add_post("/notify", self._take)
        router.add_post("/moved", self._move)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return int(self.runner.addresses[0][1])

    async def _take(self, request: web.Request) -> web.Response:
        self.received.append((request.path, await request.json()))
        return web.Response()

    async def _move(self, request: web.Request) -> web.Response:
        self.received.append((request.path, None))
        return web.Response(status=307, headers={"Location": "/notify"})


@pytest_asyncio.fixture
async def loopback() -> AsyncIterator[tuple[Loopback, int]]:
    """A receiver on this machine, and its port."""
    made = Loopback()
    yield made, await made.start()
    await made.runner.cleanup()


class TestLongTail:
    """Apprise."""

    async def test_a_service_gets_title_and_text(self, wired: Wired, loopback: tuple[Loopback, int]) -> None:
        """The lines to copy are in it as they are."""
        receiver, port = loopback
        wired.points_to("mail", f"json://127.0.0.1:{port}/notify")
        await wired.channels["mail"].send(NOTICE)

        [(_, message)] = receiver.received
        assert message["title"] == "Image served from the registry"
        assert NOTICE.hand_off[0].kustomize in message["message"]
        assert "https://cachewarden.example/api/console/incidents/" in message["message"]

    async def test_hostile_text_in_a_mail(self, wired: Wired, loopback: tuple[Loopback, int]) -> None:
        """Where a service wants HTML, Apprise escapes the text."""
        receiver, port = loopback
        hostile = "<script>alert(1)</script><img src=x onerror=y> <!channel> https://evil.example"
        wired.points_to("mail", f"json://127.0.0.1:{port}/notify?format=html")
        await wired.channels["mail"].send(msgspec.structs.replace(NOTICE, summary=hostile, cause=hostile))

        [(_, message)] = receiver.received
        assert "&lt;script&gt;alert(1)" in message["message"]
        assert not re.search(r"<(script|img|!)|https://evil", message["message"])

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
    async def test_private_addresses_are_refused(self, world: World, loopback: tuple[Loopback, int], host: str) -> None:
        """By number and by name, where the connection is made; nothing arrives."""
        receiver, port = loopback
        wired = Wired(world, policy_of(world), allowed=())
        wired.points_to("mail", f"json://{host}:{port}/notify")
        with pytest.raises(ReceiverNotPublic) as caught:
            await wired.channels["mail"].send(NOTICE)
        await wired.aclose()

        assert receiver.received == []
        assert host not in str(caught.value)

    @pytest.mark.parametrize(
        "url",
        [
            "mailto://me:secret@127.0.0.1:9/you?smtp=127.0.0.1&to=a@b.example&from=c@d.example",
            "rsyslog://127.0.0.1:9",
            "irc://me@127.0.0.1/somebody",
        ],
    )
    async def test_other_ways_to_connect_are_guarded_as_well(self, world: World, url: str) -> None:
        """Mail over SMTP, datagrams, and a service with a socket of its own."""
        wired = Wired(world, policy_of(world), allowed=())
        wired.points_to("mail", url)
        with pytest.raises(ReceiverNotPublic):
            await wired.channels["mail"].send(NOTICE)
        await wired.aclose()

    @pytest.mark.parametrize("option", ["", "?redirect=yes"])
    async def test_redirects_are_not_followed(self, wired: Wired, loopback: tuple[Loopback, int], option: str) -> None:
        """Nobody configured where it leads, and no option of the address changes that."""
        receiver, port = loopback
        wired.points_to("mail", f"json://127.0.0.1:{port}/moved{option}")
        with pytest.raises(LongTailFailed):
            await wired.channels["mail"].send(NOTICE)

        assert [path for path, _ in receiver.received] == ["/moved"]

    async def test_a_service_that_does_not_take_it(self, wired: Wired) -> None:
        """Apprise does not say why, so it may pass."""
        wired.points_to("mail", "json://127.0.0.1:9/notify")
        with pytest.raises(LongTailFailed):
            await wired.channels["mail"].send(NOTICE)

    async def test_a_service_that_hangs_is_left(self, wired: Wired) -> None:
        """The process is ended with it."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            wired.points_to("mail", f"json://127.0.0.1:{silent.getsockname()[1]}/notify")
            channel = LongTailChannel(
                address=wired.address("mail-url"), places=PLACES, reach=Reach(LOOPBACK), deadline_s=2
            )
            with pytest.raises(LongTailFailed):
                await channel.send(NOTICE)

    @pytest.mark.parametrize("url", ["nothing://x", "dbus://", "syslog://", "plain text"])
    async def test_addresses_of_no_service(self, wired: Wired, url: str) -> None:
        """Unknown ones, and those that stay on this machine."""
        wired.points_to("mail", url)
        with pytest.raises(LongTailAddressInvalid):
            await wired.channels["mail"].send(NOTICE)
