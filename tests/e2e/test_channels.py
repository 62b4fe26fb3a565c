"""The whole app tells people: from a failing pull to Teams, Slack and a webhook, with addresses from the vault."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.demo.stage import Stage
from sandbox.frame.faults import FaultRule
from sandbox.sink.models import Delivered, Kind
from sandbox.waiting import until
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire

CHANNELS = """\
    oncall: {kind: teams, url_secret: teams-url}
    platform: {kind: slack, url_secret: slack-url}
    tickets: {kind: webhook, url_secret: webhook-url, signing_secret: webhook-keys}
    mail: {kind: apprise, url_secret: mail-url}
  routes:
    - {channels: [topic, oncall, platform, tickets, mail]}
"""
SETTINGS = {
    "CACHEWARDEN_PRIVATE_RECEIVERS": "127.0.0.0/8,::1/128",
    "CACHEWARDEN_PUBLIC_ADDRESS": "https://cachewarden.example",
}


@asynccontextmanager
async def mailbox() -> AsyncIterator[tuple[list[Any], str]]:
    """What a service of Apprise received, and its address."""
    mails: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        mails.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/notify", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield mails, f"json://127.0.0.1:{runner.addresses[0][1]}/notify"
    await runner.cleanup()


def with_channels(stage: Stage) -> Path:
    """The scenario's policy with a channel of each kind, whose addresses are in the vault."""
    for kind in Kind:
        stage.world.vault.write(f"{kind}-url", f"{stage.world.urls.sink}/{kind}/oncall")
    stage.world.vault.write("webhook-keys", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODk=")
    text = (stage.folder / "policy.yaml").read_text(encoding="utf-8")
    policy = stage.folder / "channels.yaml"
    policy.write_text(text.partition("  routes:")[0] + CHANNELS, encoding="utf-8")
    return policy


class TestChannels:
    """An incident on every channel."""

    async def test_each_hears_once_also_when_one_is_in_trouble(self, open_stage: OpenStage) -> None:
        """Slack fails first and comes later; no secret and no address stands in the log."""
        async with open_stage() as stage, mailbox() as (mails, address):
            await stage.host.stop()
            stage.world.vault.write("mail-url", address)
            host = stage.another_host(CACHEWARDEN_POLICY=str(with_channels(stage)), **SETTINGS)
            async with host:
                stage.world.connect_host(
                    host.url, function_key=host.keys.function, eventgrid_key=host.keys.eventgrid_extension
                )
                stage.world.faults.add(FaultRule(service="sink", path="/slack/", status=503, times=1))
                await exhaust_and_fail(stage, "nginx:1.27")
                await fire(stage)
                told = stage.world.sinks.deliveries

                async def all_have_heard() -> bool:
                    return {each.kind for each in told} == set(Kind) and bool(stage.world.topic.events and mails)

                await until(all_have_heard, seconds=60)
                log = host.log

            assert sorted(each.kind for each in told) == sorted(Kind)
            assert [mail["title"] for mail in mails] == ["Image served from the registry"]
            [ticket] = [each for each in told if each.kind is Kind.WEBHOOK]
            assert ticket.body["type"] == "cachewarden.incident.verified"
            assert _header(ticket, "webhook-id") == ticket.body["id"]
            assert _header(ticket, "webhook-signature").startswith("v1,")
            assert "/oncall" not in log
            assert "json://" not in log
            assert "whsec_" not in log


def _header(delivered: Delivered, name: str) -> str:
    return {key.lower(): value for key, value in delivered.headers.items()}[name]
