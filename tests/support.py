"""What tests of every kind share."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import function_app

NIGHTLY = os.environ.get("TEST_PROFILE") == "nightly"
"""Whether state machines try more and longer orders than in `make test`."""

_SHARED = Path(__file__).resolve().parents[1] / "../shared/data"


def shared_path(path: str) -> Path:
    """A file of the reference data beside the checkout; skips the test where there is none."""
    found = _SHARED / path
    if not found.exists():
        pytest.skip("needs the reference data beside the checkout")
    return found


def shared_data(path: str) -> Any:
    """A JSON file of the reference data; skips the test where there is none."""
    return json.loads(shared_path(path).read_text(encoding="utf-8"))


@cache
def app_functions() -> list[Any]:
    """The app's functions; the library lets a process ask for them once."""
    return list(function_app.app.get_functions())
