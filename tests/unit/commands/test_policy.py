"""`cachewarden policy`."""

import io
import json
import sys
from pathlib import Path

import pytest
import yaml

from shared.cli import main
from shared.domain.policy_file import load_policy

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "policy.sample.yaml"


class TestCheck:
    """`policy check FILE`."""

    def test_a_sound_policy(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Exit code 0, and said so."""
        assert main(["policy", "check", str(SAMPLE)]) == 0
        assert "0 errors, 0 warnings" in capsys.readouterr().out

    def test_errors_in_the_form_that_editors_jump_to(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """File, line, path, what was found, what was expected; exit code 1."""
        path = tmp_path / "policy.yaml"
        path.write_text(SAMPLE.read_text(encoding="utf-8").replace("mode: observe", "mode: watch"), encoding="utf-8")
        line = next(
            n for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text == "mode: watch"
        )

        assert main(["policy", "check", str(path)]) == 1
        out = capsys.readouterr().out
        assert f"{path}:{line}: error: mode: found 'watch'; expected one of observe, approve, enforce" in out

    def test_warnings_fail_only_when_asked_to(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A warning is told either way; as JSON as well."""
        path = tmp_path / "policy.yaml"
        path.write_text(
            SAMPLE.read_text(encoding="utf-8").replace("    owner_secret: dockerhub-owner\n", ""), encoding="utf-8"
        )

        assert main(["policy", "check", str(path)]) == 0
        assert "warning: credentials.hub.owner_secret" in capsys.readouterr().out
        assert main(["policy", "check", "--strict", str(path)]) == 1
        capsys.readouterr()
        assert main(["policy", "check", "--json", str(path)]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["valid"]
        assert [warning["path"] for warning in told["warnings"]] == ["credentials.hub.owner_secret"]

    def test_a_file_that_is_not_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One line that names it."""
        assert main(["policy", "check", "nowhere.yaml"]) == 2
        assert "nowhere.yaml" in capsys.readouterr().err

    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """By `-`."""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SAMPLE.read_bytes())))

        assert main(["policy", "check", "-"]) == 0
        assert "0 errors" in capsys.readouterr().out


class TestShow:
    """`policy show FILE`."""

    def test_effective_is_a_policy_that_means_the_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        """With the defaults written out."""
        assert main(["policy", "show", "--effective", str(SAMPLE)]) == 0
        shown = capsys.readouterr().out

        assert load_policy(shown, path="shown") == load_policy(SAMPLE.read_text(encoding="utf-8"), path="sample")
        assert yaml.safe_load(shown)["upstreams"]["ghcr.io"]["granularity"] == "repository"

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The same for programs."""
        assert main(["policy", "show", "--json", str(SAMPLE)]) == 0
        assert json.loads(capsys.readouterr().out)["limits"]["rules_per_registry"] == 1000

    def test_as_it_stands(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without an option, the file itself, once it is sound."""
        assert main(["policy", "show", str(SAMPLE)]) == 0
        assert capsys.readouterr().out == SAMPLE.read_text(encoding="utf-8")

    def test_a_policy_with_errors_can_not_be_shown(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The errors are."""
        path = tmp_path / "policy.yaml"
        path.write_text("version: 1\n", encoding="utf-8")

        assert main(["policy", "show", str(path)]) == 2
        assert "registries" in capsys.readouterr().err
