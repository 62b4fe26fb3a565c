"""Remediation: take what a queue message hints at as far as it goes now, and leave a message for the rest.

Trouble that may pass is no failed message: it is written on the incidents, and the registry is looked at again later,
until the incidents have been open for longer than makes sense. Only when the state itself can't be written does the
message fail, and the queue brings it back.
"""

import asyncio

import msgspec

from shared.application.curing import Curing
from shared.application.delivery_ports import Deliveries
from shared.application.detection import Detection
from shared.application.event_intake import EventIntake
from shared.application.event_work import EventWork, Worked
from shared.application.incident_book import IncidentBook
from shared.application.leases import held
from shared.application.messages import (
    REMEDIATIONS,
    AlertMessage,
    EventMessage,
    RegistryMessage,
    RemediationMessage,
    ReplayedLetter,
)
from shared.application.ports import Clock, Leases, Queue
from shared.application.recalls import Recalls
from shared.application.registry_ports import NotThere, Registries
from shared.application.unrecorded import Unrecorded
from shared.application.verification import Verification
from shared.domain.incidents import Incident, IncidentState, registry_key
from shared.domain.policy import Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot
from shared.errors import CachewardenError, PermanentError, TemporaryError
from shared.telemetry import bind, get_logger
from shared.telemetry.instruments import CONCLUSIONS
from shared.telemetry.metrics import count
from shared.telemetry.spans import consumes

_MOST_ATTEMPTS = 6
"""Looks at an event before its message is left to the queue's own retries and the dead letters."""

_log = get_logger(__name__)


class Pace(msgspec.Struct, frozen=True):
    """How long things may take, in seconds.

    Attributes:
        lease: how long a registry's lease lasts unless it is renewed.
        lease_wait: when to look again while another worker holds it.
        retry: when to look again after trouble, unless the outside system says.
        give_up: how long an incident may stay open before it counts as failed.
    """

    lease: float = 60
    lease_wait: float = 5
    retry: float = 15
    give_up: float = 3600


class Remediation:
    """The worker behind the `remediations` queue."""

    def __init__(  # noqa: PLR0913 - what it orchestrates, each by name
        self,
        *,
        policy: Policy,
        detection: Detection,
        deliveries: Deliveries,
        events: EventIntake,
        event_work: EventWork,
        curing: Curing,
        verification: Verification,
        book: IncidentBook,
        unrecorded: Unrecorded,
        registries: Registries,
        leases: Leases,
        queue: Queue,
        recalls: Recalls,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._policy = policy
        self._detection = detection
        self._deliveries = deliveries
        self._events = events
        self._event_work = event_work
        self._curing = curing
        self._verification = verification
        self._book = book
        self._unrecorded = unrecorded
        self._registries = registries
        self._leases = leases
        self._queue = queue
        self._recalls = recalls
        self._clock = clock
        self._pace = pace

    @consumes(REMEDIATIONS)
    async def handle(self, message: RemediationMessage) -> None:
        """Work on a message; the same one again finds the work done.

        Raises:
            TemporaryError: the state can't be read or written; the message has to come again.
        """
        match message:
            case AlertMessage():
                await self._alert(message)
            case RegistryMessage():
                await self._recalls.arrived(message)
                await self._settle(message.registry_id)
            case EventMessage():
                await self._event(message)
            case ReplayedLetter(letter=letter):
                await self._events.again(letter)

    async def _alert(self, message: AlertMessage) -> None:
        with bind(delivery=message.delivery):
            try:
                detected = await self._detection.detect(message)
            except PermanentError as error:
                _log.error("alert.refused", code=error.code, text=str(error))
                await self._detection.refused(message, error)
                return
            if detected.duplicate:
                return
            if detected.again_in is not None:
                attempt = message.attempt + (not detected.in_trouble)
                again = msgspec.structs.replace(message, attempt=attempt)
                await self._queue.send(REMEDIATIONS, msgspec.json.encode(again), delay_s=detected.again_in)
                return
            for registry_id in detected.registries:
                await self._settle(registry_id)
            await self._detection.finish(message, detected)

    async def _event(self, message: EventMessage) -> None:
        """Work on an event; trouble outside is tried again later, a few times, and then it is a failed message."""
        with bind(delivery=message.delivery):
            if (await self._deliveries.begin(message.delivery, self._clock.now())).is_done:
                _log.info("event.duplicate")
                return
            try:
                worked = await self._event_work.work(message.hint, message.delivery)
            except PermanentError as error:
                _log.error("event.refused", code=error.code, text=str(error))
                await self._conclude(message, "failed", f"{error.code}: {error}"[:1000])
                return
            except TemporaryError as error:
                if message.attempt < _MOST_ATTEMPTS:
                    await self._event_later(message, error)
                    return
                if not isinstance(error, NotThere):
                    raise
                worked = Worked(reason="image_gone")  # pushed and deleted: nothing is left to look at, or to mend
            if worked.registry_id is not None:
                await self._settle(worked.registry_id)
            await self._conclude(message, worked.outcome, worked.summary)

    async def _conclude(self, message: EventMessage, outcome: str, summary: str) -> None:
        if await self._deliveries.finish(message.delivery, outcome, summary):
            count(CONCLUSIONS, source="event", outcome=outcome)

    async def _event_later(self, message: EventMessage, error: TemporaryError) -> None:
        _log.warning("event.trouble", code=error.code, text=str(error), attempt=message.attempt)
        again = msgspec.structs.replace(message, attempt=message.attempt + 1)
        delay = error.retry_after or self._pace.retry * message.attempt
        await self._queue.send(REMEDIATIONS, msgspec.json.encode(again), delay_s=delay)

    async def _settle(self, registry_id: str) -> None:
        """Take the incidents of a registry as far as they go, and leave a message when some are not settled."""
        registry = self._policy.registry(registry_id)
        if registry is None:
            _log.warning("registry.not_in_policy", registry=registry_id)
            return
        with bind(registry=registry_key(registry_id)):
            async with held(self._leases, f"registry-{registry_key(registry_id)}", self._pace.lease) as still_ours:
                if still_ours is None:
                    await self._later(registry, self._pace.lease_wait)
                    return
                try:
                    await self._curing.cure(registry, still_ours=still_ours)
                    trouble: CachewardenError | None = None
                except CachewardenError as error:
                    trouble = error
            if trouble is not None:
                await self._troubled(registry, await self._open(registry), trouble)
            await self._verify(registry)
            if await self._open(registry):
                retry_after = trouble.retry_after if isinstance(trouble, TemporaryError) else None
                await self._later(registry, retry_after or self._pace.retry)

    async def _open(self, registry: RegistryPolicy) -> list[Incident]:
        """The incidents that a worker still has something to do for."""
        return [
            incident
            async for incident in self._book.active(registry.id)
            if not incident.is_only_observed and not await self._unrecorded.is_given_up(incident)
        ]

    async def _verify(self, registry: RegistryPolicy) -> None:
        """Prove what is applied; a rule that counted as there and was not made after all is planned for again."""
        applied = [i for i in await self._open(registry) if i.state is IncidentState.APPLIED]
        if not applied:
            return
        try:
            found = await self._registries.read(registry.id)
        except CachewardenError as error:
            await self._troubled(registry, applied, error)
            return
        serving = {rule.name for rule in found.rules if rule.is_serving}
        async with asyncio.TaskGroup() as group:
            for incident in applied:
                if incident.rule in serving:
                    group.create_task(self._prove(registry, found, incident))
                else:
                    group.create_task(self._plan_again(incident))

    async def _plan_again(self, incident: Incident) -> None:
        async with self._unrecorded.apart(incident):
            await self._book.unmade(incident.id, f"the rule {incident.rule} is not there: it is planned for again")

    async def _prove(self, registry: RegistryPolicy, found: RegistrySnapshot, incident: Incident) -> None:
        try:
            await self._book.verified(incident.id, await self._verification.prove(found, incident))
        except CachewardenError as error:
            await self._troubled(registry, [incident], error)

    async def _troubled(self, registry: RegistryPolicy, incidents: list[Incident], error: CachewardenError) -> None:
        """Write trouble down; what can't pass by itself, or has not passed for too long, fails the incident."""
        _log.warning("registry.trouble", registry=registry.id, code=error.code, text=str(error))
        for incident in incidents:
            open_for = (self._clock.now() - incident.active_since).total_seconds()
            async with self._unrecorded.apart(incident):
                if isinstance(error, PermanentError) or open_for > self._pace.give_up:
                    await self._book.failed(incident.id, error)
                else:
                    await self._book.waiting(incident.id, error)

    async def _later(self, registry: RegistryPolicy, seconds: float) -> None:
        await self._recalls.later(registry.id, seconds)
