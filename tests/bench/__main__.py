"""`python -m tests.bench [cold_start] [domain] [path] [storm]`: measures and prints a table in Markdown."""

import asyncio
import sys
from collections.abc import Callable

from tests.bench import cold_start, domain, path, storm
from tests.bench.rows import Measured

_BENCHES: dict[str, Callable[[], list[Measured]]] = {
    "cold_start": cold_start.measure,
    "domain": domain.measure,
    "path": lambda: asyncio.run(path.measure()),
    "storm": lambda: asyncio.run(storm.measure()),
}


def main(names: list[str]) -> int:
    """Measure what is named, or everything; 2 for a name that there is not."""
    if unknown := set(names) - _BENCHES.keys():
        sys.stderr.write(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(_BENCHES)}\n")
        return 2
    sys.stdout.write("| what | measured | to hold | held |\n|---|---|---|---|\n")
    for name in names or _BENCHES:
        for row in _BENCHES[name]():
            sys.stdout.write(f"| {row.what} | {row.value} | {row.hold} | {'yes' if row.held else 'no'} |\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
