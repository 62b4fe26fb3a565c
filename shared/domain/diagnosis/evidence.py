"""Evidence: the part of a text that decided, fit to be shown."""

from shared.domain.diagnosis.redaction import redact

_LONGEST = 500
_BEFORE, _AFTER = 220, 260
_MARGIN = 160


def evidence(plain: str, start: int, end: int) -> tuple[str, tuple[int, int]]:
    """The words around a place, redacted, at most 500 characters, and where in them the deciding words stand.

    The cut is made wider than what is kept, and at blanks, so that no secret loses the beginning by which it is known.
    """
    end = min(end, start + 200)
    if len(plain) <= _LONGEST - 60:
        first, last = 0, len(plain)
    else:
        first = _back_to_a_blank(plain, max(0, start - _BEFORE))
        last = _on_to_a_blank(plain, min(len(plain), max(end, first) + _AFTER))
    before, decided, after = redact(plain[first:start]), redact(plain[start:end]), redact(plain[end:last])
    before = before[-_BEFORE:] if len(before) > _BEFORE else before
    decided = decided[: _LONGEST - _BEFORE - 40]
    whole = (before + decided + after)[:_LONGEST]
    return whole, (len(before), min(len(before) + len(decided), len(whole)))


def _back_to_a_blank(plain: str, position: int) -> int:
    if position == 0:
        return 0
    blank = plain.rfind(" ", max(0, position - _MARGIN), position)
    return blank + 1 if blank >= 0 else position


def _on_to_a_blank(plain: str, position: int) -> int:
    blank = plain.find(" ", position, position + _MARGIN)
    return blank if blank >= 0 else position
