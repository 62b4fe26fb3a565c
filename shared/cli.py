"""The command line: `cachewarden COMMAND …`.

Exit codes: 0 done, and the answer is positive; 1 done, and the answer is negative (no reference, cause unknown, bad
lines); 2 wrong usage or input that can't be read; 130 interrupted; 141 the reader of the output went away. `plan` has
codes of its own, since 2 is where it says that there is something to do.
"""

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol, cast

import shared.commands
from shared.errors import CachewardenError
from shared.version import VERSION

USAGE_ERROR = 2
_INTERRUPTED = 130
_READER_GONE = 141


class Command(Protocol):
    """What a module of `shared.commands` offers.

    Attributes:
        HELP: one line.
        ERROR_CODE: the exit code for wrong usage and unreadable input, 2 where a module does not set it.
    """

    HELP: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Run the command and return the exit code; a `CachewardenError` becomes one line and `ERROR_CODE`."""


class _Parser(argparse.ArgumentParser):
    """A parser that leaves with the exit code of its command."""

    error_code = USAGE_ERROR

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(self.error_code, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; whatever happens, nobody sees a traceback for bad input."""
    written = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(written)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more at exit; it must find something that takes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_GONE
    return code


def _run(written: Sequence[str]) -> int:
    names = sorted(m.name for m in pkgutil.iter_modules(shared.commands.__path__) if not m.name.startswith("_"))
    parser = _Parser(
        prog="cachewarden",
        description="Cures Docker Hub 429 pull failures with Azure Container Registry's artifact cache.",
        epilog="Exit codes: 0 yes, 1 no, 2 wrong usage or unreadable input, 130 interrupted, 141 output closed.",
    )
    parser.add_argument("--version", action="version", version=f"cachewarden {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    wanted = [written[0]] if written and written[0] in names else names
    for name in wanted:
        command = _command(name)
        own = commands.add_parser(name, help=command.HELP, description=command.HELP)
        own.error_code = getattr(command, "ERROR_CODE", USAGE_ERROR)
        command.configure(own)
        own.set_defaults(run=command.run, error_code=own.error_code)
        if len(wanted) == 1:
            parser.error_code = own.error_code
    parsed = parser.parse_args(written)
    return _run_command(parsed)


def _run_command(parsed: argparse.Namespace) -> int:
    try:
        return int(parsed.run(parsed))
    except CachewardenError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        sys.stderr.write(f"cachewarden: {error}{hint}\n")
        return int(parsed.error_code)


def _command(name: str) -> Command:
    return cast("Command", importlib.import_module(f"shared.commands.{name}"))


if __name__ == "__main__":
    sys.exit(main())
