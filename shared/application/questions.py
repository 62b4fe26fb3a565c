"""What callers may ask over HTTP, and what they are told when they ask for something else."""

from collections.abc import Iterable
from typing import Final

from shared.errors import CallerError

_MOST_DIGITS: Final = 6


class NotFound(CallerError):
    """There is no such thing."""

    code = "not_found"
    hint = "GET /api/incidents lists the incidents with their ids."
    status = 404


class BadQuestion(CallerError):
    """A query parameter is not what it should be."""

    code = "bad_question"
    hint = "Correct the parameter that is named, or leave it out."


def number(name: str, text: str | None, *, usual: int, largest: int) -> int:
    """The parameter as a number from 1 on; raises `BadQuestion`."""
    if text is None:
        return usual
    wanted = int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
    if not 1 <= wanted <= largest:
        raise BadQuestion(f"{name}: {text[:40]!r} found, a whole number from 1 to {largest} expected")
    return wanted


def word[W: str](name: str, text: str | None, known: Iterable[W]) -> W | None:
    """The parameter as one of the words that are known, None when it is left out; raises `BadQuestion`."""
    if text is None:
        return None
    words = list(known)
    for one in words:
        if text == one:
            return one
    raise BadQuestion(f"{name}: {text[:40]!r} found, one of these expected: {', '.join(words)}")
