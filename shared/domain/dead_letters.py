"""Dead letters: what was given up, with everything that is needed to understand it and to try it again.

The queue's own poison message holds the body and nothing else. Why it failed is written down while it fails, under a
key made from the body: the host copies a message into the poison queue under a new id.
"""

import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.json_reader import JsonUnreadable, read_json

MOST_FAILURES = 10
LONGEST_BODY = 256 * 1024
"""Bytes that are kept: a row of the store has room for 1 MiB, of which base64 in UTF-16 takes the most."""

EVENTS = "events/"
"""What the origin of an event begins with; the name of its trigger follows."""

BLOBS = "event-dead-letters"
"""The origin of a file of Event Grid's that can't be read; the body is the file's name."""


class LetterState(StrEnum):
    """Where a letter stands: it still gets attempts, it was given up, or somebody had it tried again."""

    FAILING = "failing"
    DEAD = "dead"
    REPLAYED = "replayed"


class Failure(msgspec.Struct, frozen=True):
    """One failed attempt.

    Attributes:
        at: when.
        attempt: the queue's, or Event Grid's, count of deliveries.
        code: the error's code, `internal` for a defect.
        text: the error in a sentence; for a defect only its type, since its text may hold anything.
    """

    at: datetime
    attempt: int
    code: str
    text: str


class DeadLetter(msgspec.Struct, frozen=True):
    """A message or an event that failed.

    Attributes:
        id: 32 hex digits made from origin and body: the same message again is the same letter.
        origin: where it came from and is replayed to: a queue's name, `events/<trigger>`, or `BLOBS`.
        body: the message's bytes, at most `LONGEST_BODY`; of an event what is read of it.
        state: where it stands.
        first_seen: when it failed for the first time.
        updated_at: when anything about it changed last.
        deaths: how often it was given up; more than once after a replay that failed.
        failures: the latest failed attempts, oldest first, at most `MOST_FAILURES`.
        replays: when it was tried again, oldest first, at most `MOST_FAILURES`.
    """

    id: str
    origin: str
    body: bytes
    state: LetterState
    first_seen: datetime
    updated_at: datetime
    deaths: int = 0
    failures: tuple[Failure, ...] = ()
    replays: tuple[datetime, ...] = ()

    @property
    def trigger(self) -> str | None:
        """The trigger that an event was for; None when it is no event."""
        return self.origin.removeprefix(EVENTS) if self.origin.startswith(EVENTS) else None

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the body was cut off."""
        return letter_id(self.origin, self.body) == self.id


def origin_of(trigger: str) -> str:
    """The origin of a trigger's events."""
    return f"{EVENTS}{trigger}"


def letter_id(origin: str, body: bytes) -> str:
    """The id of the letter that a message would become; who asked for it, which its trace says, makes no difference."""
    return hashlib.sha256(origin.encode() + b"\n" + _untraced(body)).hexdigest()[:32]


def _untraced(body: bytes) -> bytes:
    try:
        fields = read_json(body, dict[str, msgspec.Raw])
    except JsonUnreadable:  # strangers' bytes are letters like any other
        return body
    return body if fields.pop("trace", None) is None else msgspec.json.encode(fields)


def new_letter(origin: str, body: bytes, now: datetime) -> DeadLetter:
    """A letter about which nothing is known yet."""
    return DeadLetter(
        id=letter_id(origin, body),
        origin=origin,
        body=body[:LONGEST_BODY],
        state=LetterState.FAILING,
        first_seen=now,
        updated_at=now,
    )


def failed(letter: DeadLetter, failure: Failure) -> DeadLetter:
    """The letter with one more failed attempt; a dead one stays dead."""
    failures = (*letter.failures, failure)[-MOST_FAILURES:]
    return msgspec.structs.replace(letter, failures=failures, updated_at=failure.at)


def given_up(letter: DeadLetter, now: datetime, failure: Failure | None = None) -> DeadLetter:
    """The letter after its last attempt, with what whoever gave it up says; the same news again changes nothing."""
    if failure is not None:
        return letter if failure in letter.failures else given_up(failed(letter, failure), now)
    if letter.state is LetterState.DEAD:
        return letter
    return msgspec.structs.replace(letter, state=LetterState.DEAD, deaths=letter.deaths + 1, updated_at=now)


def replayed(letter: DeadLetter, now: datetime) -> DeadLetter:
    """The letter that is tried again."""
    return msgspec.structs.replace(
        letter, state=LetterState.REPLAYED, replays=(*letter.replays, now)[-MOST_FAILURES:], updated_at=now
    )
