"""Event intake: an event of Event Grid is recorded, read into a hint, and put on the queue.

The host answers 500 for a whole delivery when one of its events fails, and Event Grid then sends all of them again for
a day. So an event that can't be read is a dead letter and counts as taken, as does one that meets a defect of ours;
only trouble with the storage is an error, because then nothing was recorded.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from shared.application.dead_letters import DeadLetters
from shared.application.messages import REMEDIATIONS, EventMessage
from shared.application.ports import DEAD_LETTER, Clock, Deliveries, Queue
from shared.domain.events import Event, Hint, NotForUs, read_event, registry_hint, resource_hint
from shared.domain.policy import Policy
from shared.errors import PermanentError, TemporaryError
from shared.telemetry import get_logger
from shared.telemetry.instruments import DELIVERIES
from shared.telemetry.metrics import count
from shared.telemetry.names import Work
from shared.telemetry.spans import traced

REGISTRY_EVENTS: Final = "registry_events"
RESOURCE_EVENTS: Final = "resource_events"

_READERS: Final[Mapping[str, Callable[[Event], Hint | NotForUs]]] = {
    REGISTRY_EVENTS: registry_hint,
    RESOURCE_EVENTS: resource_hint,
}

_log = get_logger(__name__)


class EventUnknown(PermanentError):
    """An event was replayed for a trigger that this version does not have."""

    code = "event_unknown"
    hint = "Deploy the version that recorded it."


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
            trigger: `REGISTRY_EVENTS` or `RESOURCE_EVENTS`.
            document: the event as it was delivered, in either schema.

        Raises:
            TemporaryError: the storage is in trouble; the event has to come again.
        """
        try:
            taken = await self._take(trigger, document)
        except TemporaryError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not bring the whole delivery back for a day
            taken = await self._give_up(trigger, msgspec.json.encode(document), error)
        count(DELIVERIES, source=trigger, outcome=taken.outcome)
        _log.info("event.taken", trigger=trigger, outcome=taken.outcome, reason=taken.reason)
        return taken

    async def again(self, trigger: str, body: bytes) -> Taken:
        """The same for an event that is replayed."""
        return await self.accept(trigger, msgspec.json.decode(body, type=dict[str, Any]))

    async def _take(self, trigger: str, document: Mapping[str, Any]) -> Taken:
        reader = _READERS.get(trigger)
        if reader is None:
            raise EventUnknown(f"there is no trigger {trigger!r}")
        event = read_event(document, self._clock.now())
        key = event.key_at(trigger)
        delivery = await self._deliveries.arrived(key, self._clock.now())
        if delivery.is_done:
            return Taken("duplicate", delivery.outcome or "")
        hint = reader(event)
        if not isinstance(hint, NotForUs) and self._policy.registry(hint.registry_id) is None:
            hint = NotForUs("registry_not_in_policy")
        if isinstance(hint, NotForUs):
            await self._deliveries.finish(key, "ignored", hint.reason)
            return Taken("ignored", hint.reason)
        message = EventMessage(delivery=key, hint=hint)
        await self._queue.send(REMEDIATIONS, msgspec.json.encode(message))
        return Taken("queued")

    async def _give_up(self, trigger: str, body: bytes, error: Exception) -> Taken:
        origin = f"events/{trigger}"
        await self._dead_letters.note_failure(origin, body, error, attempt=1)
        letter = await self._dead_letters.bury(origin, body)
        return Taken(DEAD_LETTER, letter.id)
