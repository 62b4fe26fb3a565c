"""Places in lists as text: how a page's last row is named in the address of the next page."""

from datetime import UTC, datetime

from shared.application.ports import Position
from shared.application.questions import BadQuestion

_LONGEST = 600


def position_text(position: Position) -> str:
    """The place as `2026-11-24T09:30:00.000000Z~key`."""
    return f"{position.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}~{position.key}"


def read_position(text: str | None) -> Position | None:
    """The place that a text names, None for none.

    Raises:
        BadQuestion: it has another form.
    """
    if not text:
        return None
    at, _, key = text[:_LONGEST].partition("~")
    try:
        moment = datetime.fromisoformat(at)
        place = Position(moment.astimezone(UTC), key) if moment.tzinfo and key else None
    except (ValueError, OverflowError):  # the latter at either end of the calendar
        place = None
    if place is None:
        raise BadQuestion(f"before: {text[:80]!r} found, updated_at~id of the last one seen expected")
    return place
