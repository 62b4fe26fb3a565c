"""`cachewarden doctor` beside the running app: a person and the app together see everything."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from sandbox import scenario
from tests.fixtures.app import OpenStage

ROOT = Path(__file__).parents[2]


class TestTogether:
    """`--app` and `--url`."""

    async def test_all_is_well_and_nothing_is_unknown(self, open_stage: OpenStage) -> None:
        """What points at the app is seen by the person, what it may read by the app; neither says a secret."""
        async with open_stage() as stage:
            given = {
                "PATH": os.environ["PATH"],
                "SSL_CERT_FILE": stage.settings["SSL_CERT_FILE"],
                "IDENTITY_ENDPOINT": stage.settings["IDENTITY_ENDPOINT"],
                "IDENTITY_HEADER": stage.settings["IDENTITY_HEADER"],
                "AZURE_CLIENT_ID": stage.world.person.client_id,
                "CACHEWARDEN_ARM_ENDPOINT": stage.world.urls.arm,
                "CACHEWARDEN_FUNCTION_KEY": stage.host.keys.function,
            }
            command = ["doctor", "--app", scenario.APP_ID, "--url", stage.host.url, "--strict", "--json"]
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "shared.cli", *command],
                cwd=ROOT,
                env=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=100,
            )

        findings = json.loads(done.stdout)["findings"]
        assert [one for one in findings if one["verdict"] != "ok"] == []
        assert (done.returncode, done.stderr) == (0, "")
        by_app = {one["what"] for one in findings if one["by"] == "app"}
        assert by_app >= {"token of hub", f"secret {scenario.SECRETS.owner} of hub"}
        assert not by_app & {"alert rules", "action group", "events of contoso", "roles on contoso"}
        assert scenario.ACCOUNT_PASSWORD not in done.stdout
