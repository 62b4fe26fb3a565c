"""Events that Event Grid could not deliver, as it leaves them in its dead-letter files.

A file is a JSON array of events, each in the schema of its subscription with what became of it beside its own fields:
`deadLetterReason`, `deliveryAttempts`, `lastDeliveryOutcome`, `lastDeliveryAttemptTime`, all in lower case in a
CloudEvent, whose attributes have no capitals (documented,
https://learn.microsoft.com/azure/event-grid/manage-event-delivery; its sample is a single event without an array).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from shared.domain.counting import counted
from shared.domain.dead_letters import Failure
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.errors import PermanentError

_MOST_EVENTS: Final = 5000
"""Events that Event Grid puts into one batch at most (documented, `maxEventsPerBatch`)."""

_WORD: Final = re.compile(r"[A-Za-z0-9 _.-]{1,80}")


class LettersUnreadable(PermanentError):
    """A dead-letter file of Event Grid is not what it documents."""

    code = "event_letters_unreadable"
    hint = "Look at the file in the storage account; something else may write to the container."


class Undelivered(msgspec.Struct, frozen=True):
    """An event, and why Event Grid gave it up."""

    document: Mapping[str, Any]
    failure: Failure


def read_letters(body: bytes, now: datetime, *, largest: int) -> tuple[Undelivered, ...]:
    """The events of a file; one that does not say when it was tried last is taken to have been tried at `now`.

    Raises:
        LettersUnreadable: it is no JSON, no array of events, or has more than `largest` bytes or a batch's events.
    """
    if len(body) > largest:
        raise LettersUnreadable(f"the file has more than {largest} bytes")
    try:
        found = read_json(body)
    except JsonUnreadable as error:
        raise LettersUnreadable(f"the file is not JSON: {error}; an array of events was expected") from error
    events = [found] if isinstance(found, dict) else found
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise LettersUnreadable("the file is no JSON array of events")
    if len(events) > _MOST_EVENTS:
        raise LettersUnreadable(f"the file has {len(events)} events; at most {_MOST_EVENTS} were expected")
    return tuple(Undelivered(event, _failure(event, now)) for event in events)


def _failure(event: Mapping[str, Any], now: datetime) -> Failure:
    said = {str(key).lower(): value for key, value in event.items()}
    attempts = said.get("deliveryattempts")
    if not isinstance(attempts, int) or isinstance(attempts, bool):  # stored, a yes could not be read again
        attempts = 0
    count = attempts if 0 <= attempts <= 1000 else 0  # noqa: PLR2004 - Event Grid's are 1 to 30
    outcome = _word(said.get("lastdeliveryoutcome"))
    tried = counted(count, "attempt")
    return Failure(
        at=_time(said.get("lastdeliveryattempttime")) or _time(said.get("publishtime")) or now,
        attempt=count,
        code=_word(said.get("deadletterreason")),
        text=f"Event Grid could not deliver the event: {tried}, the last of which ended with {outcome}.",
    )


def _word(value: Any) -> str:
    """One of Event Grid's words; whatever else stands there is not shown."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "unknown"


def _time(value: Any) -> datetime | None:
    try:
        at = msgspec.convert(value, datetime)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (msgspec.ValidationError, OverflowError):  # the latter at either end of the calendar
        return None
