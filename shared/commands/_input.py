"""Input of the commands: an argument, a file or a pipe.

A mistyped file name must not pass for what a file would hold, so arguments that look like paths are told apart.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from shared.domain.json_reader import JsonUnreadable, read_json
from shared.errors import PermanentError

_LARGEST = 64 * 1024 * 1024
_LONGEST_LINE = 8 * 1024 * 1024
_TEXT_SUFFIXES = (".txt", ".json", ".jsonl", ".log", ".yaml", ".yml", ".md")
_A_FOLDER = "Name a file in it; an image that is called like a folder is written with its tag."
_PATH_STARTS = ("./", "../", "/", "~")


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
            hint = _A_FOLDER if isinstance(error, IsADirectoryError) else None
            raise InputUnreadable(f"{path}: {error.strerror or error}", hint=hint) from error
    if sys.stdin is None or sys.stdin.isatty():
        raise InputUnreadable("no text given", hint="Give it as an argument or through a pipe.")
    return sys.stdin.buffer


def is_file(text: str) -> bool:
    """Whether a text is the path of a file; a folder is none, a pipe (`<(…)` of a shell) is one."""
    try:
        return bool(text) and Path(text).exists() and not Path(text).is_dir()
    except (OSError, ValueError):
        return False


def looks_like_a_path(text: str) -> bool:
    """Whether a text can only have been meant as a path: it begins or ends like one, or is a folder that is there.

    With white space it is a text, and with a colon or an `@` in its last part a reference with a tag or a digest.
    """
    if not text or any(map(str.isspace, text)) or set(":@") & set(text.rpartition("/")[2]):
        return False
    try:
        return text.startswith(_PATH_STARTS) or text.lower().endswith(_TEXT_SUFFIXES) or Path(text).is_dir()
    except (OSError, ValueError):
        return False


def read_text(path: str | None) -> str:
    """All text of a file or of standard input, at most 64 MiB; bytes that are no UTF-8 are replaced."""
    with open_input(path) as stream:
        try:
            return stream.read(_LARGEST).decode("utf-8", "replace")
        except OSError as error:
            raise InputUnreadable(f"{path or 'standard input'}: {error.strerror or error}") from error


def given_lines(given: Sequence[str]) -> Iterator[str]:
    """The lines of each file, text or of standard input; of standard input when nothing is given and it is a pipe."""
    for one in given or ["-"]:
        if one == "-":
            yield from read_text(None).splitlines()
        elif is_file(one) or looks_like_a_path(one):
            yield from read_text(one).splitlines()
        else:
            yield from one.splitlines()


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
        document = read_json(line)
    except JsonUnreadable as error:
        return InputUnreadable(f"line {number} is not JSON ({error}); {expected}")
    value = document.get(field) if isinstance(document, dict) else None
    return value if isinstance(value, str) else InputUnreadable(f"line {number}: {expected}")
