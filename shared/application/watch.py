"""What the sweep watches: failures that no alert told us of, incidents that stand still, and those that are over.

An alert can be lost: its rule was switched off, the action group was silent for its fifteen minutes, the app was being
deployed. A message can be lost as well: somebody cleared the queue. Neither loses an incident for longer than this.
"""

from datetime import timedelta

from shared.application.detection import Detection
from shared.application.drift import Drift
from shared.application.incident_book import IncidentBook
from shared.application.incident_ports import Incidents
from shared.application.ports import Clock
from shared.application.recalls import Recalls
from shared.application.unrecorded import Unrecorded
from shared.domain.closing import is_over
from shared.domain.incidents import Incident, IncidentState
from shared.domain.policy import Mode, Policy, RegistryPolicy
from shared.errors import PermanentError
from shared.telemetry import get_logger

STANDS_STILL = timedelta(minutes=3)
"""Longer than a process that died between two steps keeps others out. Too short does no harm: where a message is on its
way, none is added."""

_log = get_logger(__name__)


class UnannouncedFailures:
    """The chore that looks for failures without an alert."""

    name = "unannounced-failures"
    every_s = 300.0

    def __init__(self, *, detection: Detection, recalls: Recalls) -> None:
        self._detection = detection
        self._recalls = recalls

    async def run(self) -> None:
        """Open incidents for images that none names yet; raises what the logs or the storage raise."""
        found = await self._detection.unannounced()
        for registry_id in found.registries:
            await self._recalls.later(registry_id, 0)
        if found.incidents:
            _log.warning("failures.unannounced", incidents=list(found.incidents))


class StuckIncidents:
    """The chore that takes incidents further whose message is lost, and asks anew what nobody answered in time."""

    name = "stuck-incidents"
    every_s = 60.0

    def __init__(  # noqa: PLR0913 - what it works with, each by name
        self,
        *,
        policy: Policy,
        incidents: Incidents,
        book: IncidentBook,
        unrecorded: Unrecorded,
        recalls: Recalls,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._book = book
        self._unrecorded = unrecorded
        self._recalls = recalls
        self._clock = clock

    async def run(self) -> None:
        """Send a message for each registry with an incident that stands still."""
        for registry in self._policy.registries:
            stuck = [
                stored.value.id
                async for stored in self._incidents.of_registry(registry.id, active_only=False)
                if await self._stands_still(registry, stored.value)
            ]
            if stuck:
                _log.warning("incidents.stuck", registry=registry.name, incidents=stuck)
                await self._recalls.later(registry.id, 0)

    async def _stands_still(self, registry: RegistryPolicy, incident: Incident) -> bool:
        mode = self._policy.mode_for(registry, incident.source.partition("/")[0])
        if incident.state is IncidentState.AWAITING_APPROVAL:
            return await self._asked_in_vain(incident, mode)
        if self._clock.now() - incident.updated_at < STANDS_STILL or await self._unrecorded.is_given_up(incident):
            return False
        if incident.state is IncidentState.PLANNED:
            return mode is not Mode.OBSERVE
        return incident.state in {IncidentState.DETECTED, IncidentState.APPLIED}

    async def _asked_in_vain(self, incident: Incident, mode: Mode) -> bool:
        """Whether a question has expired and was taken back; one that ended a tug-of-war waits for its answer."""
        asked, lifetime = incident.proposal, self._policy.limits.approval_expires_after
        if asked is None or not asked.is_expired(self._clock.now(), lifetime):
            return False
        if asked.contested and mode is Mode.ENFORCE:
            return False
        async with self._unrecorded.apart(incident):
            await self._book.asked_too_long_ago(incident.id)
            return True
        return False


class LostCures:
    """The chore that finds cache rules that were changed or deleted while no event told of it."""

    name = "lost-cures"
    every_s = 900.0

    def __init__(self, *, policy: Policy, drift: Drift, recalls: Recalls) -> None:
        self._policy = policy
        self._drift = drift
        self._recalls = recalls

    async def run(self) -> None:
        """Open again what is no longer covered.

        Raises:
            TemporaryError: the storage is in trouble, or a registry that was asked.
            PermanentError: a registry refuses to be read; the others were looked at.
        """
        refusal: PermanentError | None = None
        for registry in self._policy.registries:
            try:
                if await self._drift.find(registry):
                    await self._recalls.later(registry.id, 0)
            except PermanentError as error:
                _log.error("registry.refused", registry=registry.name, code=error.code, text=str(error))
                refusal = error
        if refusal is not None:
            raise refusal


class FinishedIncidents:
    """The chore that closes settled incidents of which nothing was heard for long."""

    name = "finished-incidents"
    every_s = 3600.0

    def __init__(  # noqa: PLR0913 - what it works with, each by name
        self,
        *,
        policy: Policy,
        incidents: Incidents,
        book: IncidentBook,
        unrecorded: Unrecorded,
        clock: Clock,
        quiet_for: timedelta,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._book = book
        self._unrecorded = unrecorded
        self._clock = clock
        self._quiet_for = quiet_for

    async def run(self) -> None:
        """Close what is over; raises TemporaryError when the storage is in trouble."""
        for registry in self._policy.registries:
            async for stored in self._incidents.of_registry(registry.id, active_only=False):
                if is_over(stored.value, self._clock.now(), self._quiet_for):
                    async with self._unrecorded.apart(stored.value):
                        await self._book.closed(stored.value.id, self._quiet_for)
