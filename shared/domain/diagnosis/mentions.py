"""Mentions: the places where a text names an image, found by the words that introduce one."""

from shared.domain.diagnosis.introductions import INTRODUCTIONS, Reader
from shared.domain.diagnosis.names import Mention
from shared.domain.diagnosis.unwrapping import Text

_MOST_OF_A_KIND = 48


def mentions(text: Text) -> list[Mention]:
    """The mentions in a text, in no particular order, at most 48 after each introduction."""
    found: list[Mention] = []
    for words, read in INTRODUCTIONS:
        position = text.low.find(words)
        if position >= 0:
            _collect(text, words, read, position, found)
    return found


def _collect(text: Text, words: str, read: Reader, position: int, found: list[Mention]) -> None:
    for _ in range(_MOST_OF_A_KIND):
        mention = read(text, position, position + len(words))
        if mention is not None:
            found.append(mention)
        position = text.low.find(words, position + len(words))
        if position < 0:
            return
