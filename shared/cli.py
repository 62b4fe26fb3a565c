"""The command line: `cachewarden COMMAND …`.

Exit codes: 0 done, and the answer is positive; 1 done, and the answer is negative (no reference, cause unknown, bad
lines); 2 wrong usage, input that can't be read or output that can't be written; 130 interrupted; 141 the reader of the
output went away. `plan` has codes of its own, since 2 is where it says that there is something to do.
"""

import argparse
import errno
import importlib
import io
import keyword
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, Protocol, cast

import shared.commands
from shared.errors import CachewardenError
from shared.version import VERSION

USAGE_ERROR = 2
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
"""What standard output fails with; input that can't be read has become a `CachewardenError` where it was read."""

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
        if message.startswith("unrecognized arguments") and "-" not in {word[0] for word in message.split()[2:]}:
            message += " (a text with spaces wants quotes around it)"
        self.exit(self.error_code, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; whatever happens, nobody sees a traceback for bad input."""
    written = list(sys.argv[1:] if arguments is None else arguments)
    if sys.stderr is None:  # closed, as `2>&-` does
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process lasts
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal's encoding may lack what a log has
    try:
        return _run(written)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _give_up_output()
        return _READER_GONE


def _run(written: Sequence[str]) -> int:
    modules = [m.name for m in pkgutil.iter_modules(shared.commands.__path__) if not m.name.startswith("_")]
    names = sorted(module.removesuffix("_") for module in modules)
    parser = _Parser(
        prog="cachewarden",
        description="Cures Docker Hub 429 pull failures with Azure Container Registry's artifact cache.",
        epilog="Exit codes: 0 yes, 1 no, 2 wrong usage or unreadable input, 130 interrupted, 141 output closed; "
        "of plan: 0 nothing to do, 2 something to do, 1 an error.",
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
    return _run_command(parser.parse_args(written))


def _run_command(parsed: argparse.Namespace) -> int:
    if sys.stdout is None:  # closed, as `>&-` does
        sys.stderr.write("cachewarden: the output can't be written: it is closed\n")
        return int(parsed.error_code)
    try:
        code = int(parsed.run(parsed))
        sys.stdout.flush()
    except CachewardenError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        sys.stderr.write(f"cachewarden: {error}{hint}\n")
        return int(parsed.error_code)
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _give_up_output()
        sys.stderr.write(f"cachewarden: the output can't be written: {error.strerror or error}\n")
        return int(parsed.error_code)
    return code


def _give_up_output() -> None:
    """Let standard output go nowhere: Python flushes it once more at exit, and must find something that takes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(name: str) -> Command:
    module = f"{name}_" if keyword.iskeyword(name) else name
    return cast("Command", importlib.import_module(f"shared.commands.{module}"))


if __name__ == "__main__":
    sys.exit(main())
