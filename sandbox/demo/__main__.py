"""`python -m sandbox.demo`: what takes seconds to import is imported after the title, where Ctrl-C is understood."""

import argparse
import os
import sys
from pathlib import Path

_TITLE = "A Docker Hub 429 becomes a cache rule"
_INTERRUPTED = 130
_READER_GONE = 141


def main() -> int:
    """Play the demo; 130 after Ctrl-C, 141 when the reader of the output went away, as in `make demo | head -1`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description="Plays the product's story live.")
    var = Path(__file__).parents[2] / "var"
    parser.add_argument("--folder", type=Path, default=var, help="where everything is written; var")
    folder: Path = parser.parse_args().folder.resolve()
    try:
        bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        _clear(folder)
        print(f"\x1b[1m{_TITLE}\x1b[0m" if bold else _TITLE, flush=True)
        from sandbox.demo.play import play

        return play(folder)
    except KeyboardInterrupt:
        print("stopped")
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at exit
        return _READER_GONE


def _clear(folder: Path) -> None:
    """Nothing of an earlier run may pass for what an interrupted one left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("demo.json", "exchanges.jsonl", "demo/exchanges.jsonl", "demo/host.log"):
        (folder / old).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
