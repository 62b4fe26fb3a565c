"""What is wrong with a file that a person wrote, told so that it can be mended: path, line, found, expected."""

import difflib
from collections.abc import Iterable

import msgspec

LONGEST_FOUND = 80
"""Characters of the file that a problem repeats."""


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong with a file.

    Attributes:
        line: the line, from 1; 0 when the problem is the file as a whole.
        path: where in the document: `upstreams.docker.io.allow[0]`; empty for the document itself.
        found: what stands there, shortened; never a secret.
        expected: what should stand there, and what to do.
    """

    line: int
    path: str
    found: str
    expected: str

    @property
    def told(self) -> str:
        """The problem in a line, without where the line is."""
        return f"{self.path or 'the file'}: found {self.found}; expected {self.expected}"


def join(path: str, key: str) -> str:
    """The path of a key below a path."""
    return f"{path}.{key}" if path else key


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """` (did you mean …?)`, or nothing when nothing is near."""
    near = difflib.get_close_matches(found[:LONGEST_FOUND], list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
