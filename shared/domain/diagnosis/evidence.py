"""Evidence: the part of a text that decided, fit to be shown."""

from shared.domain.diagnosis.redaction import redact

_LONGEST = 500
_BEFORE, _AFTER = 220, 260
_MARGIN = 160
_MARKED = 40


def evidence(plain: str, start: int, end: int) -> tuple[str, tuple[int, int]]:
    """The words around a place, redacted, at most 500 characters, and where in them the deciding words stand.

    The text is cut at blanks and redacted before it is cut to length, so that no secret loses the beginning by which
    it is known.
    """
    if len(plain) <= _LONGEST:
        shown = redact(plain)
    else:
        first = _back_to_a_blank(plain, start - _BEFORE)
        last = _on_to_a_blank(plain, max(end, first) + _AFTER)
        shown = redact(plain[first:last])[:_LONGEST]
    decisive = plain[start : min(end, start + _MARKED)]
    at = shown.find(decisive) if decisive else -1
    return shown, (at, min(at + end - start, len(shown))) if at >= 0 else (0, 0)


def _back_to_a_blank(plain: str, position: int) -> int:
    if position <= 0:
        return 0
    blank = plain.rfind(" ", max(0, position - _MARGIN), position)
    return blank + 1 if blank >= 0 else position


def _on_to_a_blank(plain: str, position: int) -> int:
    blank = plain.find(" ", position, position + _MARGIN)
    return blank if blank >= 0 else position
