"""Dead letters as people see them, in answers and on pages."""

import base64
from codecs import getincrementaldecoder
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.dead_letters import LONGEST_BODY, DeadLetter, Failure, LetterState

LONGEST_LISTED: Final = 16 * 1024
"""Bytes of a message that a list shows."""


class LetterView(msgspec.Struct, frozen=True):
    """A dead letter as people see it.

    Attributes:
        body: the message as text, or as base64 where `encoding` says so.
        shortened: `body` is only the beginning of what is kept; the letter alone is shown with all of it.
    """

    id: str
    origin: str
    state: LetterState
    first_seen: datetime
    updated_at: datetime
    deaths: int
    replays: tuple[datetime, ...]
    failures: tuple[Failure, ...]
    body: str
    encoding: str
    shortened: bool = False


def view_of(letter: DeadLetter, *, longest: int = LONGEST_BODY) -> LetterView:
    """A letter with at most so many bytes of its message."""
    shown, is_all = letter.body[:longest], len(letter.body) < longest
    try:
        # A character that was cut in two at the end, here or when the letter was kept, makes it no less of a text.
        body, encoding = getincrementaldecoder("utf-8")().decode(shown, final=is_all), "text"
    except UnicodeDecodeError:
        body, encoding = base64.b64encode(shown).decode(), "base64"
    return LetterView(
        id=letter.id,
        origin=letter.origin,
        state=letter.state,
        first_seen=letter.first_seen,
        updated_at=letter.updated_at,
        deaths=letter.deaths,
        replays=letter.replays,
        failures=letter.failures,
        body=body,
        encoding=encoding,
        shortened=len(letter.body) > longest,
    )
