"""Dead letters: nothing that was accepted is given up without a record, a notice and a way to try it again."""

from collections.abc import Callable

import msgspec

from shared.application.audit import Audit
from shared.application.dead_letter_ports import Letters
from shared.application.delivery_ports import DEAD_LETTER, Deliveries
from shared.application.leases import held
from shared.application.letter_views import LONGEST_LISTED, LetterView, view_of
from shared.application.messages import (
    REMEDIATIONS,
    AlertMessage,
    EventMessage,
    MessageInvalid,
    ReplayedLetter,
    read_remediation,
)
from shared.application.notification import Notification
from shared.application.ports import Clock, Leases, Position, Queue, Stored
from shared.application.questions import NotFound
from shared.application.records import until_unchanged
from shared.domain.counting import counted
from shared.domain.dead_letter_notices import dead_letter_notice
from shared.domain.dead_letters import (
    BLOBS,
    DeadLetter,
    Failure,
    LetterState,
    failed,
    given_up,
    letter_id,
    new_letter,
    replayed,
)
from shared.errors import CachewardenError, CallerError
from shared.telemetry import get_logger
from shared.telemetry.instruments import DEAD_LETTERS
from shared.telemetry.metrics import count
from shared.telemetry.names import Work
from shared.telemetry.spans import traced

_MOST_LISTED = 200
_BURIED_LATER_S = 300
_REPLAY_S = 60
_HINT = "GET /api/dead-letters lists the dead letters with their ids."
_TOO_LARGE = "An event is only a hint: the sweep finds what it was about by looking."

_log = get_logger(__name__)


class NothingToReplay(CallerError):
    """The letter is not dead: it is being tried again, or was."""

    code = "nothing_to_replay"
    hint = "It can be replayed again when that attempt has failed as well."
    status = 409


class DeadLetters:
    """Records what fails, buries what was given up, and replays it."""

    def __init__(  # noqa: PLR0913 - the ports and parts that it works with, each by name
        self,
        *,
        letters: Letters,
        deliveries: Deliveries,
        notification: Notification,
        queue: Queue,
        leases: Leases,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._letters = letters
        self._deliveries = deliveries
        self._notification = notification
        self._queue = queue
        self._leases = leases
        self._audit = audit
        self._clock = clock

    async def note_failure(self, origin: str, body: bytes, error: BaseException, *, attempt: int) -> None:
        """Remember why an attempt failed. Never raises: the attempt's own error is the one that counts."""
        known = isinstance(error, CachewardenError)
        failure = Failure(
            at=self._clock.now(),
            attempt=attempt,
            code=error.code if isinstance(error, CachewardenError) else "internal",
            text=str(error)[:1000] if known else type(error).__name__,
        )
        try:
            await self._change(origin, body, lambda letter: failed(letter, failure))
        except CachewardenError as trouble:
            _log.warning("dead_letter.failure_not_noted", code=trouble.code)

    @traced(Work.BURIAL)
    async def bury(
        self, origin: str, body: bytes, *, failure: Failure | None = None, delivery: str | None = None
    ) -> DeadLetter:
        """Record that a message was given up, and tell people; the same one again changes nothing.

        Args:
            origin: where it came from and is replayed to.
            body: the message.
            failure: what whoever gave it up says of it, where that is not us.
            delivery: the key of the delivery that it belongs to; None where the message itself says.

        Raises:
            TemporaryError: the storage is in trouble; the message has to come again.
        """
        now = self._clock.now()
        letter = await self._change(origin, body, lambda letter: given_up(letter, now, failure))
        await self._notification.tell(dead_letter_notice(letter, now))
        if (key := delivery or _delivery(origin, body)) is not None:
            await self._deliveries.finish(key, DEAD_LETTER, letter.id)
        count(DEAD_LETTERS, origin=origin)
        _log.error("dead_letter.added", origin=origin, letter=letter.id)
        return letter

    async def receive(self, queue: str, body: bytes) -> None:
        """Bury a message of a poison queue; one that can't be recorded now goes back there, to come again later.

        The host tries a message of a poison queue a few times like any other, and then never again (observed).

        Raises:
            TemporaryError: the queue is in trouble as well.
        """
        try:
            await self.bury(queue, body)
        except CachewardenError as error:
            _log.error("dead_letter.put_off", origin=queue, code=error.code, text=str(error))
            await self._queue.send(f"{queue}-poison", body, delay_s=_BURIED_LATER_S)

    async def is_dead(self, origin: str, body: bytes) -> bool:
        """Whether a message was given up and not been replayed since."""
        stored = await self._letters.get(letter_id(origin, body))
        return stored is not None and stored.value.state is LetterState.DEAD

    async def listed(self, *, limit: int = _MOST_LISTED, before: Position | None = None) -> list[LetterView]:
        """The letters that were given up, latest change first, replayed ones too; at most 200, long ones shortened."""
        found = self._letters.newest(min(limit, _MOST_LISTED), before=before)
        return [view_of(letter, longest=LONGEST_LISTED) async for letter in found]

    async def shown(self, key: str) -> LetterView:
        """One letter that was given up.

        Raises:
            NotFound: there is no such letter.
        """
        return view_of((await self._given_up(key)).value)

    async def event(self, key: str) -> tuple[str, bytes]:
        """The trigger of a letter's event, and the event.

        Raises:
            NotFound: there is no such letter of an event.
        """
        letter = (await self._given_up(key)).value
        if letter.trigger is None:
            raise NotFound("the dead letter of that id is no event's", hint=_HINT)
        return letter.trigger, letter.body

    @traced(Work.REPLAY)
    async def replay(self, key: str, *, by: str | None = None) -> LetterView:
        """Put a letter's message back on its queue; `by` is who the platform says is calling.

        A crash between the message and the record of it leaves the letter dead, and a second replay sends it again:
        messages bear that. Of two at once one sends it.

        Raises:
            NotFound: there is no such letter.
            NothingToReplay: it is not dead, a file that nobody can read, or larger than what is kept.
            TemporaryError: the storage is in trouble.
        """
        async with held(self._leases, f"replay-{key}", _REPLAY_S) as still_ours:
            if still_ours is None:
                raise NothingToReplay("somebody else is replaying the letter at this moment")
            return await self._replay(key, by)

    async def _replay(self, key: str, by: str | None) -> LetterView:
        letter = (await self._given_up(key)).value
        if letter.state is not LetterState.DEAD:
            raise NothingToReplay(f"the letter is {letter.state} since {letter.updated_at.isoformat()}")
        if letter.origin == BLOBS:
            raise NothingToReplay("the letter stands for a file that can't be read", hint="Look at the file itself.")
        if not letter.is_whole:
            raise NothingToReplay("the letter was larger than what is kept of one", hint=_TOO_LARGE)
        who, why = by or "a holder of the function key", f"given up {counted(letter.deaths, 'time')}"
        async with self._audit.change("replay_dead_letter", f"dead-letters/{key}", by=who, why=why):
            await self._queue.send(*_way_back(letter))
        again = await self._noted(letter)
        _log.info("dead_letter.replayed", letter=key, origin=letter.origin)
        return view_of(again)

    async def _noted(self, letter: DeadLetter) -> DeadLetter:
        """The letter as replayed; an event that is dead again already, its worker was that fast, has died once more."""
        now = self._clock.now()

        async def attempt() -> DeadLetter:
            stored = await self._given_up(letter.id)
            if stored.value.replays != letter.replays:
                _log.info("dead_letter.replayed_by_another", letter=letter.id)
                return stored.value
            again = replayed(stored.value, now)
            if letter.trigger is not None and stored.value.failures != letter.failures:
                again = given_up(again, now)
                await self._notification.tell(dead_letter_notice(again, now))
            await self._letters.replace(stored, again)
            return again

        return await until_unchanged(f"the dead letter {letter.id}", attempt)

    async def _given_up(self, key: str) -> Stored[DeadLetter]:
        stored = await self._letters.get(key)
        if stored is None or not stored.value.deaths:
            raise NotFound("there is no dead letter of that id", hint=_HINT)
        return stored

    async def _change(self, origin: str, body: bytes, edit: Callable[[DeadLetter], DeadLetter]) -> DeadLetter:
        key = letter_id(origin, body)

        async def attempt() -> DeadLetter:
            stored = await self._letters.get(key)
            letter = edit(new_letter(origin, body, self._clock.now()) if stored is None else stored.value)
            if stored is None:
                await self._letters.insert(letter)
            elif letter != stored.value:
                await self._letters.replace(stored, letter)
            return letter

        return await until_unchanged(f"the dead letter {key}", attempt)


def _delivery(origin: str, body: bytes) -> str | None:
    """The key of the delivery that a message belongs to, None when it is none of a delivery's."""
    if origin != REMEDIATIONS:
        return None
    try:
        message = read_remediation(body)
    except MessageInvalid:
        return None
    return message.delivery if isinstance(message, AlertMessage | EventMessage) else None


def _way_back(letter: DeadLetter) -> tuple[str, bytes]:
    """The queue and the message that try a letter again."""
    if letter.trigger is None:
        return letter.origin, letter.body
    return REMEDIATIONS, msgspec.json.encode(ReplayedLetter(letter=letter.id))
