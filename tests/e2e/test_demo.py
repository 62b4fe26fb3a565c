"""`make demo`, as a person and as a script see it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import shared_path

ROOT = Path(__file__).parents[2]


def _report(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    return report


class TestDemo:
    """The story holds, and what it leaves behind says so."""

    def test_every_step_holds(self, played: tuple[subprocess.CompletedProcess[str], Path]) -> None:
        """Exit code 0, and nothing on standard error."""
        done, _ = played

        assert (done.returncode, done.stderr) == (0, ""), done.stdout

    def test_the_report_says_what_was_before_and_what_is_after(
        self, played: tuple[subprocess.CompletedProcess[str], Path]
    ) -> None:
        """Three images: 429 before, served with the same bytes after, through a rule with a credential set."""
        report = _report(played[1])

        assert report["ok"] is True
        assert [before["status"] for before in report["before"]] == [429, 429, 429]
        assert [(after["status"], after["digest_matches"]) for after in report["after"]] == [(200, True)] * 3
        assert {rule["source"] for rule in report["rules"]} == {
            "docker.io/jannemattila/webapp-network-tester",
            "docker.io/library/nginx",
            "docker.io/bitnami/redis",
        }
        assert len({rule["credential_set"] for rule in report["rules"]} - {None}) == 1
        assert report["notifications"] == 3
        assert 0 < report["seconds"]["alert_accepted"] <= report["seconds"]["alert_to_rules"]

    def test_plain_lines_where_there_is_no_terminal(
        self, played: tuple[subprocess.CompletedProcess[str], Path]
    ) -> None:
        """No escape sequences; the hand-off is there to copy."""
        done, _ = played

        assert "\x1b" not in done.stdout
        assert "kubectl set image deployment/nginx app=localhost:" in done.stdout

    def test_no_secret_is_shown_or_left(self, played: tuple[subprocess.CompletedProcess[str], Path]) -> None:
        """Neither the account's token nor its password, in the output, the host's log or the exchanges."""
        done, folder = played
        texts = [done.stdout, *((folder / name).read_text() for name in ("exchanges.jsonl", "demo/host.log"))]

        for text in texts:
            assert "dckr_pat_" not in text
            assert "owner-password" not in text
        assert "contosobot" not in texts[2]

    def test_says_what_access_was_given_to(self, played: tuple[subprocess.CompletedProcess[str], Path]) -> None:
        """A role assignment's own name says nothing; the secret that it is for does."""
        assert "on dockerhub-username\n" in played[0].stdout
        assert "on dockerhub-token\n" in played[0].stdout

    def test_the_exchanges_keep_to_the_services_own_descriptions(
        self, played: tuple[subprocess.CompletedProcess[str], Path]
    ) -> None:
        """Every request and answer of ARM and of Docker Hub's management API fits its API description."""
        check = shared_path("../contract/check_exchanges.py")

        done = subprocess.run(
            [sys.executable, str(check), str(played[1] / "exchanges.jsonl")],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

        assert (done.returncode, "0 findings" in done.stdout) == (0, True), done.stdout


class TestStopping:
    """A demo that ends before its time."""

    @staticmethod
    def start(folder: Path) -> subprocess.Popen[bytes]:
        """The demo in a folder where an earlier one has left its files, after its first line."""
        for name in ("demo.json", "exchanges.jsonl"):
            (folder / name).write_text("old")
        interruptible = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.demo", "--folder", str(folder)], cwd=ROOT, stdout=-1, stderr=-1
            )
        finally:
            signal.signal(signal.SIGINT, interruptible)
        assert process.stdout is not None
        assert process.stdout.readline() == b"A Docker Hub 429 becomes a cache rule\n"
        return process

    def test_an_early_interrupt_is_no_traceback_and_leaves_nothing_old(self, tmp_path: Path) -> None:
        """Ctrl-C while it still imports; files of an earlier run would be taken for its own."""
        process = self.start(tmp_path)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)

        assert (process.returncode, out, told) == (130, b"stopped\n", b"")
        assert not list(tmp_path.glob("*.json*"))

    def test_a_reader_that_goes_away_ends_it(self, tmp_path: Path) -> None:
        """`make demo | head -1`."""
        process = self.start(tmp_path)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        process.stderr.close()

        assert (process.wait(timeout=60), told) == (141, b"")
