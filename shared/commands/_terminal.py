"""Output of the commands: colours on a terminal only, and no control characters from anybody's log.

On a terminal, text is folded between words; commands never are, since what is copied has to stay one line.
"""

import os
import re
import shutil
import sys

import msgspec

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "mark": "1;33"}

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FIELD_WIDTH = 13
"""Columns before the value of a field."""

_NARROWEST = 40


def width() -> int | None:
    """The columns of the terminal, at least 40; None when standard output is none."""
    return max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else None


class Printer:
    """Writes to standard output, in colour when it is a terminal that wants it (https://no-color.org)."""

    def __init__(self) -> None:
        self.colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def paint(self, text: str, style: str) -> str:
        """The text, without control characters, in a style."""
        shown = visible(text)
        return f"\x1b[{_CODES[style]}m{shown}\x1b[0m" if self.colours and shown else shown

    def line(self, text: str = "") -> None:
        """One line."""
        sys.stdout.write(text + "\n")

    def words(self, text: str, *, indent: int) -> None:
        """A line, folded between words to the terminal's width; what follows the first is indented."""
        self.line(f"\n{' ' * indent}".join(folded(text, width(), indent)))

    def field(self, name: str, value: str, *, whole: bool = False) -> None:
        """A name in a column and its value, which is shown as it stands; folded unless it has to stay `whole`."""
        text = f"  {self.paint(f'{name:<10}', 'dim')} {value}"
        if whole:
            self.line(text)
        else:
            self.words(text, indent=FIELD_WIDTH)


def folded(text: str, columns: int | None, indent: int) -> list[str]:
    """The lines of a text; those after the first leave room for their indent. A word is never broken."""
    lines = [""]
    for number, word in enumerate(text.split(" ")):
        longer = f"{lines[-1]} {word}" if number else word
        room = None if columns is None else columns - (indent if len(lines) > 1 else 0)
        if room is None or len(_COLOUR.sub("", longer)) <= room or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def visible(text: str) -> str:
    """The text with what is not printable as `?`: a log line must not move the cursor or set the window's title."""
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else "?" for c in text)


def json_line(document: object) -> None:
    """One JSON object on a line, ASCII only where it has to be."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
