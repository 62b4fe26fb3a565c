"""The channels through real sockets: to emulated receivers, with addresses from an emulated vault."""

import base64
import hashlib
import hmac
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from sandbox.frame.faults import FaultRule
from sandbox.sink.models import Kind
from sandbox.world import World
from shared.adapters.channels.addresses import AddressInvalid, SecretText
from shared.adapters.channels.longtail import LongTailAddressInvalid, LongTailChannel, LongTailFailed
from shared.adapters.channels.making import ChannelParts, channels_of
from shared.adapters.channels.posting import (
    Poster,
    ReceiverNotPublic,
    ReceiverRedirects,
    ReceiverRefused,
    ReceiverUnavailable,
)
from shared.adapters.channels.reach import Reach
from shared.adapters.channels.webhook import SigningKeyInvalid
from shared.adapters.clock import SystemClock
from shared.adapters.secret_reader import SecretEmpty, VaultSecretReader
from shared.application.channel_ports import Channel
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notice_links import Places
from shared.domain.notices import Notice
from shared.domain.policy_file import load_policy
from shared.errors import CachewardenError, PermanentError
from tests.integration.sandbox.cloud.support import PrincipalCredential

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
NOTICE = example(NoticeKind.INCIDENT_VERIFIED)
PLACES = Places(app="https://cachewarden.example")
KEYS = ("whsec_" + base64.b64encode(b"the new key of the receiver").decode(), "the-old-key-in-plain-text")
KINDS = {"teams": Kind.TEAMS, "slack": Kind.SLACK, "webhook": Kind.WEBHOOK}
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "notifications.md"


class Wired:
    """Channels of each kind to the world's receivers."""

    def __init__(self, world: World, policy: str, *, allowed: Any = LOOPBACK) -> None:
        self.world = world
        trust = ssl.create_default_context(cafile=str(world.certificates.ca))
        credential = PrincipalCredential(world.tokens, world.app_identity)
        self.secrets = VaultSecretReader(credential, connection_verify=str(world.certificates.ca))
        reach = Reach(allowed)
        self.poster = Poster(reach=reach, trust=trust)
        self.channels: dict[str, Channel] = channels_of(
            load_policy(policy, path="policy.yaml"),
            ChannelParts(
                topics={}, secrets=self.secrets, poster=self.poster, reach=reach, places=PLACES, clock=SystemClock()
            ),
        )

    def address(self, secret: str) -> SecretText:
        """The address in a secret."""
        return SecretText(self.secrets, self.world.urls.vault, secret)

    def points_to(self, channel: str, url: str) -> None:
        """Write a channel's address into the vault."""
        self.world.vault.write(f"{channel}-url", url)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.poster.aclose()
        await self.secrets.aclose()


def policy_of(world: World) -> str:
    """A policy with a channel of each kind that has an address."""
    return f"""
version: 1
registries:
  - id: {NOTICE.registry_id}
upstreams:
  docker.io: {{target: docker-hub, allow: ["library/*"]}}
notifications:
  channels:
    teams: {{kind: teams, url_secret: teams-url, vault: "{world.urls.vault}"}}
    slack: {{kind: slack, url_secret: slack-url, vault: "{world.urls.vault}"}}
    webhook: {{kind: webhook, url_secret: webhook-url, signing_secret: webhook-keys, vault: "{world.urls.vault}"}}
    mail: {{kind: apprise, url_secret: mail-url, vault: "{world.urls.vault}"}}
  routes:
    - {{channels: [teams, slack, webhook, mail]}}
"""


@pytest_asyncio.fixture
async def wired(world: World) -> AsyncIterator[Wired]:
    """The channels, each pointing to a receiver of its own kind."""
    made = Wired(world, policy_of(world))
    for name, kind in KINDS.items():
        made.points_to(name, world.urls.sink + world.sinks.add(kind, name))
    world.vault.write("webhook-keys", "\n".join(KEYS))
    yield made
    await made.aclose()


class TestSending:
    """What arrives."""

    async def test_every_kind_of_notice_on_every_channel(self, wired: Wired) -> None:
        """The receivers, which refuse what the real ones refuse, take them all."""
        for kind in NoticeKind:
            for name in KINDS:
                await wired.channels[name].send(example(kind))

        assert len(wired.world.sinks.deliveries) == len(NoticeKind) * len(KINDS)

    async def test_a_webhook_gets_a_cloud_event(self, wired: Wired) -> None:
        """All of the notice is in its data, and its id is the event's."""
        await wired.channels["webhook"].send(NOTICE)

        [delivered] = wired.world.sinks.deliveries
        event = delivered.body
        assert delivered.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
        assert (event["specversion"], event["id"], event["type"]) == (
            "1.0",
            NOTICE.id,
            "cachewarden.incident.verified",
        )
        assert (event["source"], event["subject"]) == (NOTICE.registry_id, NOTICE.subject)
        assert msgspec.convert(event["data"], Notice) == NOTICE

    async def test_an_address_is_read_once_for_many_notices(self, wired: Wired) -> None:
        """Key Vault throttles."""
        for _ in range(5):
            await wired.channels["slack"].send(NOTICE)

        reads = [each for each in wired.world.exchanges.exchanges("vault") if each.status == 200]
        assert len(reads) == 1

    async def test_a_new_address_counts_as_soon_as_the_old_one_is_refused(self, wired: Wired) -> None:
        """Nobody has to wait for what is remembered to grow old."""
        await wired.channels["slack"].send(NOTICE)
        wired.points_to("slack", wired.world.urls.sink + wired.world.sinks.add(Kind.SLACK, "other"))
        wired.world.faults.add(FaultRule(service="sink", path="/slack/slack", status=404))
        await wired.channels["slack"].send(NOTICE)

        assert [each.name for each in wired.world.sinks.deliveries] == ["slack", "other"]


class TestSigning:
    """A webhook's signature."""

    async def test_the_documented_receiver_knows_ours_and_no_other(self, wired: Wired) -> None:
        """The snippet of the documentation takes both keys, and refuses other ones, changed bodies and old messages."""
        code = re.search(r"```python\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
        assert code is not None
        snippet: dict[str, Any] = {}
        exec(compile(code[1], "notifications.md", "exec"), snippet)  # noqa: S102 - the documentation is ours
        is_genuine = snippet["is_genuine"]
        await wired.channels["webhook"].send(NOTICE)
        [delivered] = wired.world.sinks.deliveries
        body = msgspec.json.encode(delivered.body)
        headers = {name.lower(): value for name, value in delivered.headers.items()}
        sent_at = int(headers["webhook-timestamp"])

        new, old = base64.b64decode(KEYS[0].removeprefix("whsec_")), KEYS[1].encode()
        assert is_genuine(headers, body, new, now=sent_at)
        assert is_genuine(headers, body, old, now=sent_at)
        assert not is_genuine(headers, body, b"another key of that size", now=sent_at)
        assert not is_genuine(headers, body + b" ", new, now=sent_at)
        assert not is_genuine(headers, body, new, now=sent_at + 301)
        assert not is_genuine(headers | {"webhook-id": "another"}, body, new, now=sent_at)
        assert not is_genuine({}, body, new, now=sent_at)

    async def test_the_signature_is_the_standard_one(self, wired: Wired) -> None:
        """HMAC-SHA256 over id, time and body, computed here on its own."""
        await wired.channels["webhook"].send(NOTICE)
        [delivered] = wired.world.sinks.deliveries
        headers = {name.lower(): value for name, value in delivered.headers.items()}
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
        content += msgspec.json.encode(delivered.body)
        expected = base64.b64encode(hmac.new(KEYS[1].encode(), content, hashlib.sha256).digest()).decode()

        assert headers["webhook-signature"].split()[1] == f"v1,{expected}"

    @pytest.mark.parametrize("keys", ["tiny", "whsec_no-base64!", f"{KEYS[0]} tiny"])
    async def test_keys_that_are_none(self, wired: Wired, keys: str) -> None:
        """A weak key is refused, without being shown."""
        wired.world.vault.write("webhook-keys", keys)
        with pytest.raises(SigningKeyInvalid) as caught:
            await wired.channels["webhook"].send(NOTICE)
        assert keys not in str(caught.value)


class TestRefused:
    """What does not arrive, and what is said about it."""

    @pytest.mark.parametrize(
        ("fault", "expected", "wait"),
        [
            ((429, {"Retry-After": "7"}), ReceiverUnavailable, 7.0),
            ((503, {}), ReceiverUnavailable, None),
            ((500, {"Retry-After": "2"}), ReceiverUnavailable, 2.0),
            ((408, {}), ReceiverUnavailable, None),
            ((400, {}), ReceiverRefused, None),
            ((404, {}), ReceiverRefused, None),
            ((410, {}), ReceiverRefused, None),
            ((302, {"Location": "https://evil.example/"}), ReceiverRedirects, None),
            ((307, {"Location": "/elsewhere"}), ReceiverRedirects, None),
        ],
    )
    async def test_statuses(
        self, wired: Wired, fault: tuple[int, dict[str, str]], expected: type[CachewardenError], wait: float | None
    ) -> None:
        """Later, with the receiver's own wait, or never; a redirect is not followed; the address is not shown."""
        wired.world.faults.add(FaultRule(service="sink", status=fault[0], headers=fault[1], body="invalid_token"))
        for name in KINDS:
            with pytest.raises(expected) as caught:
                await wired.channels[name].send(NOTICE)
            assert getattr(caught.value, "retry_after", None) == wait
            assert f"/{name}" not in str(caught.value)
            assert "localhost" not in str(caught.value)
        assert not wired.world.sinks.deliveries

    async def test_a_dropped_connection_is_temporary_and_names_no_address(self, wired: Wired) -> None:
        """Neither the error nor what it came from holds the address."""
        wired.world.faults.add(FaultRule(service="sink", drop=True))
        with pytest.raises(ReceiverUnavailable) as caught:
            await wired.channels["teams"].send(NOTICE)
        assert "localhost" not in str(caught.value)
        assert caught.value.__cause__ is None

    @pytest.mark.parametrize(
        "url",
        [
            "https://127.0.0.1:9/x",
            "https://[::1]:9/x",
            "https://[::ffff:127.0.0.1]:9/x",
            "https://[::7f00:1]:9/x",
            "https://[64:ff9b::a00:1]:9/x",
            "https://224.0.0.1/x",
            "https://169.254.169.254/metadata",
            "https://10.0.0.4/x",
            "https://100.64.0.1/x",
            "https://localhost:9/x",
        ],
    )
    async def test_private_addresses_are_refused(self, world: World, url: str) -> None:
        """By number and by name, before anything is sent, unless their network is allowed."""
        wired = Wired(world, policy_of(world), allowed=())
        wired.points_to("slack", url)
        with pytest.raises(ReceiverNotPublic):
            await wired.channels["slack"].send(NOTICE)
        await wired.aclose()

    @pytest.mark.parametrize(
        "text", ["http://hooks.example/x", "hooks.example", "https://a:b@hooks.example", "https://", "https://a b", "x"]
    )
    async def test_secrets_that_are_no_address(self, wired: Wired, text: str) -> None:
        """Only https, no passwords; what the secret holds is not shown."""
        wired.points_to("slack", text)
        with pytest.raises(AddressInvalid) as caught:
            await wired.channels["slack"].send(NOTICE)
        assert "hooks" not in str(caught.value)

    async def test_secrets_that_are_not_there(self, wired: Wired) -> None:
        """Key Vault's own word for it; an empty one is as good as none."""
        wired.world.vault.delete("slack-url")
        with pytest.raises(PermanentError):
            await wired.channels["slack"].send(NOTICE)
        wired.points_to("teams", " ")
        with pytest.raises(SecretEmpty):
            await wired.channels["teams"].send(NOTICE)


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
