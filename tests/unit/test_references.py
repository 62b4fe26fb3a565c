"""The generated references: they say what the code says, and the check notices when they no longer do."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the generator as the Makefile does."""
    command = [sys.executable, str(ROOT / "scripts/generate_references.py"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own script


def test_a_stale_reference(tmp_path: Path) -> None:
    """What is missing or was typed over is written anew, and only `--check` leaves it and fails."""
    assert generate("--root", str(tmp_path)).returncode == 0
    assert generate("--check", "--root", str(tmp_path)).returncode == 0
    page = tmp_path / "docs/reference/settings.md"
    page.write_text("typed", encoding="utf-8")
    checked = generate("--check", "--root", str(tmp_path))

    assert (checked.returncode, page.read_text(encoding="utf-8")) == (1, "typed")
    assert "settings.md is stale" in checked.stderr


def test_what_they_say(tmp_path: Path) -> None:
    """Settings have their defaults as they are written, errors of every layer have code and hint."""
    generate("--root", str(tmp_path))
    settings = (tmp_path / "docs/reference/settings.md").read_text(encoding="utf-8")
    errors = (tmp_path / "docs/reference/errors.md").read_text(encoding="utf-8")

    assert "| `CACHEWARDEN_HEALTH_PATIENCE` |" in settings
    assert "| `90s` |" in settings
    for code in (
        "settings_invalid",
        "not_served",
        "lease_lost",
        "payload_too_large",
        "policy_invalid",
        "table_missing",
    ):
        assert f"| `{code}` |" in errors
