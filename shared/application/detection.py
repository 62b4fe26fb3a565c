"""Detection: from an alert's hint to incidents.

The alert says only "look now". What failed is asked of Log Analytics with our own queries, in workspaces that the
policy names; the links in the alert, which carry anybody's query to anybody's workspace, are never followed.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec

from shared.application.delivery_ports import Deliveries, Payloads
from shared.application.incident_ports import Incidents
from shared.application.messages import AlertMessage, MessageInvalid
from shared.application.ports import Clock
from shared.application.readings import Readings
from shared.application.records import change, record
from shared.application.site_images import SiteImages
from shared.domain.alerts import Alert
from shared.domain.failures import Cause, PullFailure, diagnose
from shared.domain.gathering import knows
from shared.domain.images import ImageReference
from shared.domain.incidents import incident_id, note
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.policy import Policy
from shared.domain.suspects import suspects
from shared.errors import PermanentError, TemporaryError
from shared.telemetry import get_logger
from shared.telemetry.instruments import CONCLUSIONS
from shared.telemetry.metrics import count
from shared.telemetry.names import Work
from shared.telemetry.spans import traced

SHORTEST_WINDOW = timedelta(minutes=15)
"""An alert's own window may be empty (a test action sends start == end, documented); logs arrive minutes late."""

LONG_WINDOW = timedelta(minutes=30)
"""How far back the sweep looks: six of its turns."""

LONGEST_WINDOW = timedelta(hours=6)
"""Docker Hub's window; older failures belong to another one."""

SETTLING_TIME = timedelta(seconds=90)
"""How long to wait for rows that the alert saw and the query does not show yet."""

_MOST_ATTEMPTS = 3

_LONGEST_TROUBLE = timedelta(hours=1)
"""How long a delivery waits for logs that are in trouble, before it is left to the poison queue."""

_RETRY_S = 15.0

_log = get_logger(__name__)


class Detected(msgspec.Struct, frozen=True):
    """What came of an alert.

    Attributes:
        registries: the ARM ids of the registries whose incidents want work.
        incidents: the ids of the incidents concerned.
        ignored: why failures were left alone → how many.
        again_in: look once more after so many seconds, since the logs show nothing yet; None when this was all.
        unread: the log sources that refused or answered in part, so that there may be more failures.
        duplicate: the delivery was processed before; what came of it then stands.
        in_trouble: the logs could not be asked, so this look does not count.
    """

    registries: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    ignored: dict[str, int] = {}
    again_in: float | None = None
    in_trouble: bool = False
    unread: tuple[str, ...] = ()
    duplicate: bool = False


class Detection:
    """Finds the failing images behind an alert and opens incidents for them."""

    def __init__(  # noqa: PLR0913 - the ports that it uses, each by name
        self,
        *,
        policy: Policy,
        site_images: SiteImages,
        deliveries: Deliveries,
        payloads: Payloads,
        incidents: Incidents,
        readings: Readings,
        clock: Clock,
        suspect: Callable[[str], Awaitable[None]],
    ) -> None:
        self._policy = policy
        self._site_images = site_images
        self._deliveries = deliveries
        self._payloads = payloads
        self._incidents = incidents
        self._readings = readings
        self._clock = clock
        self._suspect = suspect

    @traced(Work.DETECTION)
    async def detect(self, message: AlertMessage) -> Detected:
        """Open or extend the incidents that an alert points to; a delivery that was processed before changes nothing.

        Raises:
            TemporaryError: the storage is in trouble, or the logs have been for an hour; the message has to come again.
        """
        delivery = await self._deliveries.begin(message.delivery, self._clock.now())
        if delivery.is_done:
            _log.info("alert.duplicate", outcome=delivery.outcome)
            return Detected(duplicate=True)
        alert = message.alert or await self._stored(message.delivery)
        if alert is None:
            return Detected(ignored={"payload_gone": 1})
        if not alert.fired:
            await self._note_resolved(alert)
            return Detected(ignored={"resolved": 1})
        try:
            found, unread = await self._failures(alert, message.attempt)
            failures = await self._site_images.completed(found)
        except TemporaryError as error:
            if self._clock.now() - delivery.received_at > _LONGEST_TROUBLE:
                raise
            _log.warning("logs.trouble", code=error.code, text=str(error))
            return Detected(again_in=error.retry_after or _RETRY_S, in_trouble=True)
        limited = any(failure.diagnosis.cause is Cause.RATE_LIMITED for failure in failures)
        if not limited and message.attempt < _MOST_ATTEMPTS:
            _log.info("alert.nothing_yet", attempt=message.attempt)
            return Detected(again_in=SETTLING_TIME.total_seconds())
        for credential in suspects(self._policy, failures):
            await self._suspect(credential)
        return msgspec.structs.replace(await self._record(failures), unread=unread)

    async def unannounced(self) -> Detected:
        """Open incidents for the images that fail now and that no incident names; others are left to their alerts.

        Raises:
            TemporaryError: the logs or the storage are in trouble.
            PermanentError: a workspace refuses every query; the others were read.
        """
        now = self._clock.now()
        failures: list[PullFailure] = []
        refusal: PermanentError | None = None
        for workspace in self._policy.sources.workspaces:
            try:
                failures += (await self._readings.of(workspace, since=now - LONG_WINDOW, as_of=now)).failures
            except PermanentError as error:
                refusal = error
        detected = await self._record(await self._site_images.completed(failures), only_new=True)
        if refusal is not None and not detected.incidents:
            raise refusal
        return detected

    async def finish(self, message: AlertMessage, detected: Detected) -> None:
        """Record what came of a delivery: from now on the same one again is a duplicate."""
        ignored = ", ".join(f"{reason} {count}" for reason, count in sorted(detected.ignored.items()))
        outcome = "incident" if detected.incidents else "ignored"
        summary = ", ".join(detected.incidents) if detected.incidents else ignored or "no_failures"
        await self._conclude(message, outcome, summary, detected.unread)

    async def refused(self, message: AlertMessage, error: PermanentError) -> None:
        """Record that a delivery can't be worked on: a workspace refuses us, say."""
        await self._conclude(message, "failed", f"{error.code}: {error}")

    async def _conclude(self, message: AlertMessage, outcome: str, summary: str, unread: tuple[str, ...] = ()) -> None:
        if await self._deliveries.finish(message.delivery, outcome, summary[:1000], unread=unread):
            count(CONCLUSIONS, source="alert", outcome=outcome)
        if message.alert is None:
            await self._payloads.delete(message.delivery)
        _log.info("alert.processed", outcome=outcome, summary=summary[:200], unread=list(unread))

    async def _stored(self, delivery: str) -> Alert | None:
        body = await self._payloads.get(delivery)
        try:
            return None if body is None else read_json(body, Alert)
        except JsonUnreadable as error:
            raise MessageInvalid(f"the alert that was kept for the message can't be read: {error}") from error

    async def _failures(self, alert: Alert, attempt: int) -> tuple[Sequence[PullFailure], tuple[str, ...]]:
        """The failures behind an alert, and the sources that may have more."""
        now = self._clock.now()
        workspaces = self._workspaces(alert)
        if not workspaces:
            return [_told_by(alert, text) for text in alert.texts], ()
        start = alert.fired_at - alert.window - SETTLING_TIME
        start = max(min(start, now - SHORTEST_WINDOW), now - LONGEST_WINDOW)
        as_of = min(alert.fired_at, now) if attempt == 1 else now
        readings = [await self._readings.of(workspace, since=start, as_of=as_of) for workspace in workspaces]
        failures = [failure for reading in readings for failure in reading.failures]
        return failures, tuple(sorted({name for reading in readings for name in reading.unread}))

    def _workspaces(self, alert: Alert) -> tuple[str, ...]:
        """The policy's workspaces, only the one that the alert names when it names one of them."""
        named = tuple(w for w in self._policy.sources.workspaces if w.lower() in alert.workspace_ids)
        return named or self._policy.sources.workspaces

    async def _record(self, failures: Sequence[PullFailure], *, only_new: bool = False) -> Detected:
        ignored: Counter[str] = Counter()
        registries: dict[str, None] = {}
        incidents: dict[str, None] = {}
        for failure in failures:
            image = failure.diagnosis.image
            if failure.diagnosis.cause is not Cause.RATE_LIMITED or image is None:
                ignored[str(failure.diagnosis.cause) if image else "no_image"] += 1
                continue
            serving = self._policy.registries_for(failure.resource_id)
            if not serving:
                ignored["no_registry_serves"] += 1
            for registry in serving:
                if only_new and await self._is_known(registry.id, image):
                    continue
                try:
                    incident = await record(self._incidents, registry.id, image, failure, self._clock.now())
                except PermanentError as error:  # of one incident: the others are opened
                    _log.error("failure.not_recorded", source=image.source, code=error.code, text=str(error))
                    ignored["not_recorded"] += 1
                    continue
                registries[registry.id] = None
                incidents[incident.id] = None
        return Detected(registries=tuple(registries), incidents=tuple(incidents), ignored=dict(ignored))

    async def _is_known(self, registry_id: str, image: ImageReference) -> bool:
        stored = await self._incidents.get(incident_id(registry_id, image.source))
        return stored is not None and knows(stored.value, image)

    async def _note_resolved(self, alert: Alert) -> None:
        """An alert that is over is written down and never acted on: the image still isn't cached because of it."""
        now = self._clock.now()
        for registry in self._policy.registries:
            async for stored in self._incidents.of_registry(registry.id, active_only=True):
                concerned = {w.resource_id for wanted_by in stored.value.workloads.values() for w in wanted_by}
                if concerned & set(alert.resource_ids):
                    await change(
                        self._incidents,
                        stored.value.id,
                        lambda incident: note(incident, now, "alert.resolved", "Azure Monitor says the alert is over"),
                    )


def _told_by(alert: Alert, text: str) -> PullFailure:
    """A failure that the alert itself carries, for policies that let no workspace be asked."""
    return PullFailure(
        diagnosis=diagnose(text),
        resource_id=alert.resource_ids[0] if alert.resource_ids else "",
        first_seen=alert.fired_at - alert.window,
        last_seen=alert.fired_at,
    )
