"""Mentions: the places where a text names an image, found by the words that introduce one."""

from shared.domain.diagnosis.introductions import INTRODUCTIONS
from shared.domain.diagnosis.names import Mention
from shared.domain.diagnosis.unwrapping import Text

_MOST_OF_A_KIND = 48


def mentions(text: Text) -> list[Mention]:
    """The mentions in a text, in no particular order, at most 48 after each introduction."""
    found: list[Mention] = []
    low = text.low
    for part, introductions in INTRODUCTIONS:
        if part not in low:
            continue
        for words, read in introductions:
            position, left = low.find(words), _MOST_OF_A_KIND
            while position >= 0 and left:
                end = position + len(words)
                mention = read(text, position, end)
                if mention is not None:
                    found.append(mention)
                position, left = low.find(words, end), left - 1
    return found
