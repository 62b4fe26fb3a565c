"""Incidents that the store refuses for good: each ends, and keeps nothing else from being done.

A row that has grown too large, say, or a notice about it. As long as such an incident counts as open it is looked at
again and again, since nothing that is found out about it can be written down. So it fails like any other; where even
that can't be written, its registry's message is a dead letter, which people are told of and can replay.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import msgspec

from shared.application.dead_letters import DeadLetters
from shared.application.incident_book import IncidentBook
from shared.application.messages import REMEDIATIONS, RegistryMessage
from shared.domain.dead_letters import Failure
from shared.domain.incidents import Incident
from shared.errors import PermanentError
from shared.telemetry import get_logger

_QUIET: Final = timedelta(minutes=1)
"""What was written later than this ago is not given up, and is not asked about."""

_log = get_logger(__name__)


class Unrecorded:
    """Ends what can't be recorded, and knows what was ended so."""

    def __init__(self, *, book: IncidentBook, dead_letters: DeadLetters) -> None:
        self._book = book
        self._dead_letters = dead_letters

    @asynccontextmanager
    async def apart(self, incident: Incident) -> AsyncIterator[None]:
        """What the store refuses for good about one incident ends that one; its neighbours go on.

        Raises:
            TemporaryError: the storage is in trouble.
        """
        try:
            yield
        except PermanentError as error:
            _log.error("incident.not_recorded", incident=incident.id, code=error.code, text=str(error))
            await self._end(incident, error)

    async def is_given_up(self, incident: Incident) -> bool:
        """Whether an incident is a dead letter; one that was replayed is none until it dies again."""
        if self._book.now() - incident.updated_at < _QUIET:
            return False
        return await self._dead_letters.is_dead(REMEDIATIONS, _message(incident))

    async def _end(self, incident: Incident, error: PermanentError) -> None:
        try:
            await self._book.failed(incident.id, error)
        except PermanentError:
            failure = Failure(at=self._book.now(), attempt=1, code=error.code, text=str(error)[:1000])
            await self._dead_letters.bury(REMEDIATIONS, _message(incident), failure=failure)


def _message(incident: Incident) -> bytes:
    """What has the incident's registry looked at again, when it is replayed."""
    return msgspec.json.encode(RegistryMessage(registry_id=incident.registry_id, incident=incident.id))
