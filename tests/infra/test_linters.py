"""Other people's linters over the templates and workflows, each in an environment of its own: their locks are not ours.

They are fetched once, from the package index that `make setup` uses; where that can't be reached, the tests skip.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.infra.templates import INFRA

ROOT = INFRA.parent
UV = Path(sys.executable).parent / "uv"
CHECKOV = ("--overrides", str(INFRA / "checkov.overrides"), "--from", "checkov==3.3.30", "checkov")
ZIZMOR = ("--from", "zizmor==1.32.0", "zizmor")
UNREACHABLE = ("Failed to fetch", "Request failed", "error sending request", "dns error", "Network connectivity")
"""What uv says where the package index can't be reached."""

pytestmark = pytest.mark.timeout(400)  # it installs a hundred packages the first time


def run(tool: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A tool's end, from the repository's folder; skips where it can't be had."""
    command = [str(UV), "tool", "run", "--quiet", "--python", sys.executable, *tool, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.stdout and any(sign in done.stderr for sign in UNREACHABLE):
        pytest.skip(f"{tool[-1]} can't be fetched: {' '.join(done.stderr.split())[:200]}")
    return done


class TestCheckov:
    """Security checks of the templates."""

    def test_finds_nothing_in_any_template(self) -> None:
        """It read all of them: a file that it can't parse it passes over without a word."""
        done = run(CHECKOV, "--config-file", "infra/.checkov.yaml", "--output", "json")

        found = json.loads(done.stdout)
        summary = found["summary"]
        assert found["results"]["failed_checks"] == []
        assert (summary["failed"], summary["skipped"], summary["parsing_errors"]) == (0, 0, 0)
        assert summary["passed"] >= 29
        assert done.returncode == 0, done.stderr


class TestZizmor:
    """Security checks of the GitHub workflows."""

    def test_finds_nothing_in_any_workflow(self) -> None:
        """Without asking GitHub."""
        done = run(ZIZMOR, "--offline", "--no-progress", ".github/workflows")

        assert done.returncode == 0, done.stdout + done.stderr
