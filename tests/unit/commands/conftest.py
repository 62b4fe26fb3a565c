"""A desk to plan at."""

from pathlib import Path

import pytest

from tests.unit.commands.desk import Desk


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with the policy on it."""
    return Desk(tmp_path, capsys, monkeypatch)
