"""Mentions: the places where a text names an image, found by the words that introduce one."""

from shared.domain.diagnosis.introductions import INTRODUCTIONS
from shared.domain.diagnosis.names import Mention, Reader
from shared.domain.diagnosis.unwrapping import Text

_MOST_OF_A_KIND = 48


def mentions(text: Text) -> list[Mention]:
    """The mentions in a text, in no particular order, at most 48 after each introduction."""
    found: list[Mention] = []
    low = text.low
    for part, introductions in INTRODUCTIONS:
        if part in low:
            for words, read in introductions:
                _collect(text, words, read, found)
    return found


def _collect(text: Text, words: str, read: Reader, found: list[Mention]) -> None:
    position = text.low.find(words)
    for _ in range(_MOST_OF_A_KIND):
        if position < 0:
            return
        end = position + len(words)
        mention = read(text, position, end)
        if mention is not None:
            found.append(mention)
        position = text.low.find(words, end)
