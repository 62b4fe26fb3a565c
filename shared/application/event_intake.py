"""Event intake: an event of Event Grid is recorded, read into a hint, and put on the queue.

The host answers 500 for a whole delivery when one of its events fails, and Event Grid then sends all of them again for
a day. So an event that can't be read is a dead letter and counts as taken, as does one that meets a defect of ours;
only trouble with the storage is an error, because then nothing was recorded.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from shared.application.dead_letters import DeadLetters
from shared.application.delivery_ports import DEAD_LETTER, IGNORED, Deliveries, Delivery
from shared.application.messages import REMEDIATIONS, EventMessage
from shared.application.ports import Clock, Queue
from shared.domain.dead_letters import Failure, letter_id, origin_of
from shared.domain.event_readers import READERS, Hint, trigger_of, trimmed
from shared.domain.events import EventUnreadable, NotForUs, read_event
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.policy import Policy
from shared.domain.vault_events import VaultEvent, role_of
from shared.errors import PermanentError, TemporaryError
from shared.telemetry import get_logger
from shared.telemetry.instruments import DELIVERIES
from shared.telemetry.metrics import count
from shared.telemetry.names import Work
from shared.telemetry.spans import traced

_log = get_logger(__name__)

type _Recorded = Callable[[str, datetime], Awaitable[Delivery]]
"""Finds or makes a delivery's record by its key, at a time."""


class EventUnknown(PermanentError):
    """No trigger of this version takes events of this type."""

    code = "event_unknown"
    hint = "Deploy the version that recorded it, or leave it: the subscription may send more than is asked for."


class Taken(msgspec.Struct, frozen=True):
    """What became of an event at intake: `queued`, `duplicate`, `ignored` or `dead-letter`, and why."""

    outcome: str
    reason: str = ""


class EventIntake:
    """Takes events in."""

    def __init__(
        self, *, policy: Policy, deliveries: Deliveries, dead_letters: DeadLetters, queue: Queue, clock: Clock
    ) -> None:
        self._policy = policy
        self._deliveries = deliveries
        self._dead_letters = dead_letters
        self._queue = queue
        self._clock = clock

    @traced(Work.INTAKE_EVENT)
    async def accept(self, trigger: str, document: Mapping[str, Any]) -> Taken:
        """Take an event in; the same one again is a duplicate once it was worked on.

        Args:
            trigger: one of `event_readers.READERS`.
            document: the event as it was delivered, in either schema.

        Raises:
            TemporaryError: the storage is in trouble; the event has to come again.
        """
        taken = await self._take_or_give_up(trigger, document, self._deliveries.arrived)
        count(DELIVERIES, source=trigger, outcome=taken.outcome)
        return taken

    async def again(self, letter: str) -> Taken:
        """The same for the event of a dead letter, which is no second arrival.

        Raises:
            NotFound, EventUnreadable: the letter is gone, or was changed by hand.
            TemporaryError: the storage is in trouble; the message has to come again.
        """
        trigger, body = await self._dead_letters.event(letter)
        try:
            document = read_json(body, dict[str, Any])
        except JsonUnreadable as error:
            raise EventUnreadable(f"the event can't be read again: {error}") from error
        return await self._take_or_give_up(trigger, document, self._deliveries.begin)

    async def lost(self, document: Mapping[str, Any], failure: Failure) -> Taken:
        """Record an event that Event Grid could not deliver; one that was worked on all the same is a duplicate.

        So is one that is recorded: of a file with thousands of them, which takes longer than one run, the next run does
        the rest.

        Raises:
            TemporaryError: the storage is in trouble.
        """
        trigger = trigger_of(document)
        key = _key(trigger, document, self._clock.now())
        delivery = await self._deliveries.begin(key, self._clock.now())
        if delivery.outcome is not None:
            return Taken("duplicate", delivery.outcome)
        letter = await self._dead_letters.bury(origin_of(trigger), _body(document), failure=failure, delivery=key)
        return Taken(DEAD_LETTER, letter.id)

    async def _take_or_give_up(self, trigger: str, document: Mapping[str, Any], recorded: _Recorded) -> Taken:
        try:
            taken = await self._take(trigger, document, recorded)
        except TemporaryError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not bring the whole delivery back for a day
            taken = await self._give_up(trigger, document, error)
        _log.info("event.taken", trigger=trigger, outcome=taken.outcome, reason=taken.reason)
        return taken

    async def _take(self, trigger: str, document: Mapping[str, Any], recorded: _Recorded) -> Taken:
        now = self._clock.now()
        key = _key(trigger, document, now)
        delivery = await recorded(key, now)
        if delivery.is_done:
            return Taken("duplicate", delivery.outcome or "")
        reader = READERS.get(trigger)
        if reader is None:
            raise EventUnknown(f"there is no trigger {trigger[:80]!r}")
        hint = self._in_policy(reader(read_event(document, now)))
        if isinstance(hint, NotForUs):
            await self._deliveries.finish(key, IGNORED, hint.reason)
            return Taken(IGNORED, hint.reason)
        message = EventMessage(delivery=key, hint=hint)
        await self._queue.send(REMEDIATIONS, msgspec.json.encode(message))
        return Taken("queued")

    def _in_policy(self, hint: Hint | NotForUs) -> Hint | NotForUs:
        """The hint, where it is about something that the policy names."""
        match hint:
            case NotForUs():
                return hint
            case VaultEvent():
                known = any(role_of(hint, credential) for credential in self._policy.credentials.values())
                return hint if known else NotForUs("secret_not_in_policy")
            case _:
                return hint if self._policy.registry(hint.registry_id) else NotForUs("registry_not_in_policy")

    async def _give_up(self, trigger: str, document: Mapping[str, Any], error: Exception) -> Taken:
        origin, body = origin_of(trigger), _body(document)
        await self._dead_letters.note_failure(origin, body, error, attempt=1)
        letter = await self._dead_letters.bury(origin, body, delivery=_key(trigger, document, self._clock.now()))
        return Taken(DEAD_LETTER, letter.id)


def _body(document: Mapping[str, Any]) -> bytes:
    """What a dead letter keeps of an event: what is read of it, and no more."""
    return msgspec.json.encode(trimmed(document))


def _key(trigger: str, document: Mapping[str, Any], now: datetime) -> str:
    """The key of an event's delivery; of one that can't be read that far, what its dead letter is known by."""
    try:
        return read_event(document, now).key_at(trigger)
    except EventUnreadable:
        return f"event-{letter_id(origin_of(trigger), _body(document))}"
