"""`cachewarden notices`: previews for everybody, test messages for who may send them."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from sandbox.world import World
from shared.cli import main
from shared.domain.notice_kinds import NoticeKind

ROOT = Path(__file__).parents[3]


class TestPreview:
    """What a channel would be sent, offline."""

    @pytest.mark.parametrize("kind", NoticeKind)
    def test_each_kind_for_each_channel(self, kind: NoticeKind, capsys: pytest.CaptureFixture[str]) -> None:
        """The payload as it goes over the wire, indented; plain text for Apprise."""
        for channel in ("teams", "slack", "webhook", "event_grid"):
            assert main(["notices", "preview", kind, "--channel", channel]) == 0
            assert json.loads(capsys.readouterr().out)
        assert main(["notices", "preview", kind, "--channel", "apprise"]) == 0
        assert capsys.readouterr().out.strip()

    def test_links_lead_where_one_says(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The console of the app that is meant."""
        arguments = ["notices", "preview", "incident.verified", "--channel", "teams", "--app", "https://mine.example"]

        assert main(arguments) == 0
        assert "https://mine.example/api/console/incidents/" in capsys.readouterr().out

    def test_an_unknown_kind(self, capsys: pytest.CaptureFixture[str]) -> None:
        """It is wrong usage, and the known ones are named."""
        with pytest.raises(SystemExit) as left:
            main(["notices", "preview", "incident.unheard", "--channel", "teams"])
        assert left.value.code == 2
        assert "incident.verified" in capsys.readouterr().err


class TestTest:
    """A marked test message."""

    @pytest.mark.parametrize(("channel", "code"), [("oncall", 0), ("nobody", 2)])
    async def test_it_arrives_and_is_marked(self, world: World, tmp_path: Path, channel: str, code: int) -> None:
        """With the app's own settings and identity; a channel that is not there is named."""
        policy = world.write_policy(tmp_path / "policy.yaml")
        text = policy.read_text(encoding="utf-8")
        policy.write_text(
            text.replace("  routes:", "    oncall: {kind: slack, url_secret: slack-url}\n  routes:"), encoding="utf-8"
        )
        world.vault.write("slack-url", f"{world.urls.sink}/slack/oncall")
        environment = world.environment(storage="UseDevelopmentStorage=true", policy=policy)
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("cachewarden")),
            "notices",
            "test",
            "--channel",
            channel,
            cwd=ROOT,
            env={**os.environ, **environment, "CACHEWARDEN_PRIVATE_RECEIVERS": "127.0.0.0/8,::1/128"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await process.communicate()

        assert process.returncode == code, err.decode()
        told = [delivered.body["blocks"][0]["text"]["text"] for delivered in world.sinks.deliveries]
        assert told == (["Test message"] if code == 0 else [])
