"""scripts/setup.sh where something is missing; the whole of it runs before every test run on a fresh machine."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_python(tmp_path: Path) -> None:
    """Without a Python 3.13 that runs, setup says what it looked at and what to do; a broken shim does not count."""
    checkout = tmp_path / "a checkout"
    for name in ("scripts/setup.sh", "uv.lock", "pyproject.toml", "sandbox/azurite/package.json"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    shutil.copy(ROOT / "sandbox/azurite/package-lock.json", checkout / "sandbox/azurite/package-lock.json")
    shim = tmp_path / "shims" / "python3.13"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\necho 'python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    tools = ("sh", "cat", "cut", "dirname", "sha256sum", "shasum", "mkdir", "pwd")
    for tool in filter(shutil.which, tools):
        (shim.parent / tool).symlink_to(str(shutil.which(tool)))

    result = subprocess.run(
        [str(checkout / "scripts/setup.sh")],
        env={"PATH": str(shim.parent), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "no Python 3.13 found that runs" in result.stderr
    assert "PYTHON=/path/to/python3.13 make setup" in result.stderr
    assert not (checkout / ".venv").exists()
