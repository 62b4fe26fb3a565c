"""Telemetry: one JSON object a line, with the ids of the work, and without secrets."""

import asyncio
import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from shared.telemetry import bind, configure, get_logger

log = get_logger("tests")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What was logged, parsed."""
    return [json.loads(record.message) for record in caplog.records]


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="cachewarden")


class TestLines:
    """What a line holds."""

    def test_a_line(self, caplog: pytest.LogCaptureFixture) -> None:
        """A line is a JSON object with event, level, time and fields, at the level of its method."""
        log.info("cache_rule.created", rule="nginx", number=3, covered=True, nothing=None)

        [line] = lines(caplog)
        assert "T" in line.pop("timestamp")
        assert line == {
            "event": "cache_rule.created",
            "level": "info",
            "rule": "nginx",
            "number": 3,
            "covered": True,
            "nothing": None,
        }
        assert (caplog.records[0].levelno, caplog.records[0].name) == (logging.INFO, "cachewarden.tests")

    def test_levels(self, caplog: pytest.LogCaptureFixture) -> None:
        """Below the configured level nothing is written."""
        configure("WARNING")
        for write in (log.debug, log.info, log.warning, log.error):
            write("something.happened")

        assert [line["level"] for line in lines(caplog)] == ["warning", "error"]

    def test_an_exception(self, caplog: pytest.LogCaptureFixture) -> None:
        """An exception is on its line, on one line, without the secret that its text holds."""
        try:
            int("Bearer abcdefghijklmnop")
        except ValueError:
            log.exception("call.failed")

        assert "\n" not in caplog.records[0].message
        [line] = lines(caplog)
        assert "'Bearer ***" in line["exception"]


class TestBinding:
    """The ids of the work are on every line of it."""

    async def test_bound_fields(self, caplog: pytest.LogCaptureFixture) -> None:
        """Inner fields are added to outer ones and are gone afterwards; concurrent work keeps its own."""

        async def work(incident: str) -> None:
            with bind(incident=incident):
                await asyncio.sleep(0)
                log.info("work.done")

        with bind(registry="r1"):
            await asyncio.gather(work("i1"), work("i2"))
            log.info("work.over")
        log.info("all.over")

        found = [(line.get("registry"), line.get("incident")) for line in lines(caplog)]
        assert found == [("r1", "i1"), ("r1", "i2"), ("r1", None), (None, None)]


class TestRedaction:
    """The last look."""

    @pytest.mark.parametrize(
        "secret",
        [
            "dckr_pat_aBcDeFgHiJkLmNoPqRsTuVwXyZ0",
            "https://contosobot:hunter2@registry.example",
            "https://contoso.webhook.example/x?sig=aBcDeFgHiJkLmNoPqRsTuVwXyZ012345",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789==",
            "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl",
        ],
    )
    def test_secrets(self, caplog: pytest.LogCaptureFixture, secret: str) -> None:
        """No secret reaches a line, wherever in a field it stands, in a list, a mapping or an object's text."""
        log.info(
            "call.failed", text=f"it said {secret}", parts=[secret], inner={"a": (secret,)}, error=ValueError(secret)
        )

        text = caplog.records[0].message
        for part in ("TuVwXyZ0", "hunter2", "c2lnbmF0dXJl"):
            assert part not in text

    def test_what_stays(self, caplog: pytest.LogCaptureFixture) -> None:
        """Images, digests and ids are no secrets."""
        fields = {
            "image": "docker.io/library/nginx:1.27@sha256:" + "0a" * 32,
            "incident": "0123456789ab-0123456789abcdef",
            "registry": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg",
        }
        log.info("image.served", **fields)

        [line] = lines(caplog)
        assert fields == {key: line[key] for key in fields}


class TestColdStart:
    """What a cold start pays."""

    def test_structlog_is_not_imported(self) -> None:
        """Making a logger and configuring it import no structlog; the first line does."""
        code = (
            "import sys; from shared.telemetry import configure, get_logger; configure(); log = get_logger('x');"
            "assert 'structlog' not in sys.modules; log.info('x'); assert 'structlog' in sys.modules"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    def test_the_sdks_are_quiet(self) -> None:
        """The SDKs' request lines, which hold URLs and headers, are switched off."""
        configure("DEBUG")
        policy = logging.getLogger("azure.core.pipeline.policies.http_logging_policy")
        assert not policy.isEnabledFor(logging.INFO)
