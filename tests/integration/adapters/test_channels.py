"""The channels through real sockets: to emulated receivers, with addresses from an emulated vault."""

import base64
import hashlib
import hmac
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sandbox.frame.faults import FaultRule
from sandbox.sink.models import Kind
from sandbox.world import World
from shared.adapters.channels.addresses import AddressInvalid
from shared.adapters.channels.posting import (
    ReceiverNotPublic,
    ReceiverRedirects,
    ReceiverRefused,
    ReceiverUnavailable,
)
from shared.adapters.channels.webhook import SigningKeyInvalid
from shared.adapters.secret_reader import SecretEmpty
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice
from shared.errors import CachewardenError, PermanentError
from tests.integration.adapters.receivers import KEYS, KINDS, NOTICE, Wired, policy_of

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "notifications.md"


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
