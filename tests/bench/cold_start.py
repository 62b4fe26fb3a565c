"""Cold start: indexing the app against importing `azure.functions` alone, pair by pair, each in a fresh interpreter."""

import subprocess
import sys
import time
from pathlib import Path

from tests.bench.rows import Measured, median

ROOT = Path(__file__).parents[2]
_ALONE = "import azure.functions"
_INDEX = "import function_app; function_app.app.get_functions()"
_PAIRS = 15
_RATIO = 1.25


def _seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.perf_counter() - started


def measure() -> list[Measured]:
    """The median of the ratios; the first pair warms the caches and does not count."""
    ratios = [_seconds(_INDEX) / _seconds(_ALONE) for _ in range(_PAIRS + 1)][1:]
    ratio = median(ratios)
    return [
        Measured(
            "cold start: index the app / import azure.functions", f"{ratio:.2f} x", f"{_RATIO} x", held=ratio <= _RATIO
        )
    ]
