"""`python -m sandbox.up`; all that takes time to import is imported where Ctrl-C is already understood."""

import sys

_INTERRUPTED = 130


def main() -> int:
    """Run the sandbox; 130 when Ctrl-C comes before there is anything to stop."""
    try:
        from sandbox.up.run import main as run

        return run()
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
