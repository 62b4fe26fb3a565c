"""Output of the commands: colours on a terminal only, and no control characters from anybody's log."""

import os
import sys

import msgspec

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "mark": "1;33"}


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

    def field(self, name: str, value: str) -> None:
        """A name in a column and its value, which is shown as it stands."""
        self.line(f"  {self.paint(f'{name:<10}', 'dim')} {value}")


def visible(text: str) -> str:
    """The text with what is not printable as `?`: a log line must not move the cursor or set the window's title."""
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else "?" for c in text)


def json_line(document: object) -> None:
    """One JSON object on a line, ASCII only where it has to be."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
