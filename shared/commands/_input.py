"""Input of the commands: an argument, a file or a pipe."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from shared.errors import PermanentError

_LARGEST = 64 * 1024 * 1024
_LONGEST_LINE = 8 * 1024 * 1024


class InputUnreadable(PermanentError):
    """There is no input, or it can't be read."""

    code = "input_unreadable"


def open_input(path: str | None) -> BinaryIO:
    """The file at a path, standard input for `-` or None.

    Raises:
        InputUnreadable: it can't be opened, or nothing was given and standard input is a terminal.
    """
    if path not in {None, "-"}:
        try:
            return Path(path or "").open("rb")
        except OSError as error:
            raise InputUnreadable(f"{path}: {error.strerror or error}") from error
    if sys.stdin is None or sys.stdin.isatty():
        raise InputUnreadable("no text given", hint="Give it as an argument, with --file, or through a pipe.")
    return sys.stdin.buffer


def read_text(path: str | None) -> str:
    """All text of a file or of standard input, at most 64 MiB; bytes that are no UTF-8 are replaced."""
    with open_input(path) as stream:
        try:
            return stream.read(_LARGEST).decode("utf-8", "replace")
        except OSError as error:
            raise InputUnreadable(f"{path or 'standard input'}: {error.strerror or error}") from error


def read_lines(path: str | None, field: str) -> Iterator[str | InputUnreadable]:
    """The texts under `field` in JSON lines, in order; a line that is not of the form is an error in its place.

    Empty lines are passed over.
    """
    with open_input(path) as stream:
        number = 0
        while line := stream.readline(_LONGEST_LINE):
            number += 1
            if line.strip():
                yield _field(line, field, number)


def _field(line: bytes, field: str, number: int) -> str | InputUnreadable:
    expected = f'a JSON object with a text under "{field}" was expected'
    try:
        document = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return InputUnreadable(f"line {number} is not JSON ({error}); {expected}")
    value = document.get(field) if isinstance(document, dict) else None
    return value if isinstance(value, str) else InputUnreadable(f"line {number}: {expected}")
