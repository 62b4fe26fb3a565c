"""Events that Event Grid gave up: the sweep records them beside the dead letters of the queues.

Event Grid tries for a day and then leaves an event as a file. It is only a hint, and what it hinted at is found by the
sweep as well; but a function that nobody reaches, or that answers 4xx, is known by nothing else. A file is deleted when
all of its events are recorded, so a crash in between records them again, which changes nothing.
"""

from typing import Final

from shared.application.dead_letter_ports import EventLetters, LetterFile
from shared.application.dead_letters import DeadLetters
from shared.application.event_intake import EventIntake
from shared.application.ports import Clock
from shared.domain.dead_letters import BLOBS, Failure
from shared.domain.undelivered import LettersUnreadable, read_letters
from shared.errors import PermanentError
from shared.telemetry import get_logger

MOST_FILES: Final = 50
_MOST_LISTED: Final = 10 * MOST_FILES
"""Files that are looked at: those that may not be deleted come first in every run, and keep no other from its turn."""

LARGEST_FILE: Final = 2 * 1024 * 1024
"""Bytes of a file that is read; an event has at most 1 MB."""

MOST_BYTES: Final = LARGEST_FILE
"""Bytes after which a run begins no further file: thousands of events, which take minutes to record."""

_log = get_logger(__name__)


class LostEvents:
    """The chore that reads what Event Grid left."""

    name = "lost-events"
    every_s = 300.0

    def __init__(self, *, letters: EventLetters, intake: EventIntake, dead_letters: DeadLetters, clock: Clock) -> None:
        self._letters = letters
        self._intake = intake
        self._dead_letters = dead_letters
        self._clock = clock

    async def run(self) -> None:
        """Record the events of the files that are there, a bounded number; the others come with the next runs.

        Raises:
            TemporaryError: the storage is in trouble.
            PermanentError: a file may not be read, or not be deleted; the others were done.
        """
        refusal: PermanentError | None = None
        done = read = 0
        async for file in self._letters.unread(_MOST_LISTED):
            if done == MOST_FILES or read >= MOST_BYTES:
                break
            try:
                await self._record(file)
            except PermanentError as error:
                _log.warning("lost_events.refused", file=file.name, code=error.code)
                refusal = error
            else:
                done, read = done + 1, read + min(file.size, LARGEST_FILE)
        if refusal is not None:
            raise refusal

    async def _record(self, file: LetterFile) -> None:
        body = await self._letters.read(file.name, LARGEST_FILE + 1)
        if body is None:
            return
        try:
            lost = read_letters(body, self._clock.now(), largest=LARGEST_FILE)
        except LettersUnreadable as error:
            await self._set_aside(file, error)
            return
        for one in lost:
            taken = await self._intake.lost(one.document, one.failure)
            _log.info("event.lost", outcome=taken.outcome, reason=taken.reason, code=one.failure.code)
        await self._letters.delete(file.name)
        _log.info("lost_events.recorded", file=file.name, events=len(lost))

    async def _set_aside(self, file: LetterFile, error: LettersUnreadable) -> None:
        failure = Failure(at=self._clock.now(), attempt=1, code=error.code, text=str(error))
        await self._dead_letters.bury(BLOBS, file.name.encode(), failure=failure)
        await self._letters.set_aside(file.name)
