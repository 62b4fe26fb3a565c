"""Intake: an alert is accepted once it lies on the queue, and not a moment before.

Azure Monitor's action group repeats a call that was answered 408, 429, 503 or 504, and drops it after anything else
(documented, https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups). So an alert that can never be read
is a 4xx, and trouble with the storage is a `TemporaryError`, which the trigger answers with 503.
"""

import msgspec

from shared.application.delivery_ports import Deliveries, Payloads
from shared.application.messages import LARGEST_MESSAGE, REMEDIATIONS, AlertMessage
from shared.application.ports import Clock, Queue
from shared.domain.alerts import Alert, parse_alert
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.errors import CallerError
from shared.telemetry import bind
from shared.telemetry.instruments import DELIVERIES
from shared.telemetry.metrics import count
from shared.telemetry.names import Work
from shared.telemetry.spans import traced


class AlertRejected(CallerError):
    """The body is no alert."""

    code = "alert_rejected"
    hint = "Send Azure Monitor's common alert schema, as an action group with the common alert schema enabled does."


class AlertTooLarge(AlertRejected):
    """The body is larger than any alert that Azure Monitor sends."""

    code = "alert_too_large"
    hint = "Azure Monitor's alerts are at most 256 KB; CACHEWARDEN_LARGEST_ALERT sets the limit."
    status = 413


class Acceptance(msgspec.Struct, frozen=True):
    """What became of a delivery: its key, and whether it was processed before."""

    delivery: str
    duplicate: bool


class Intake:
    """Accepts deliveries: record, enqueue, answer."""

    def __init__(
        self, *, deliveries: Deliveries, payloads: Payloads, queue: Queue, clock: Clock, largest_alert: int
    ) -> None:
        self._deliveries = deliveries
        self._payloads = payloads
        self._queue = queue
        self._clock = clock
        self._largest_alert = largest_alert

    @traced(Work.INTAKE_ALERT)
    async def accept(self, body: bytes) -> Acceptance:
        """Enqueue an alert; the same delivery again is accepted without a second message once it was processed.

        Raises:
            AlertRejected: it is no alert that we know; the text says what was found and what was expected.
            TemporaryError: the storage is in trouble; nothing was accepted.
        """
        try:
            alert = self._read(body)
        except CallerError:
            count(DELIVERIES, source="alert", outcome="rejected")
            raise
        with bind(delivery=alert.delivery_key):
            accepted = await self._enqueue(alert)
        count(DELIVERIES, source="alert", outcome="duplicate" if accepted.duplicate else "queued")
        return accepted

    def _read(self, body: bytes) -> Alert:
        if len(body) > self._largest_alert:
            raise AlertTooLarge(f"the body has {len(body)} bytes; at most {self._largest_alert} are accepted")
        try:
            document = read_json(body)
        except JsonUnreadable as error:
            raise AlertRejected(f"the body is not JSON: {error}; a JSON object was expected") from error
        return parse_alert(document)

    async def _enqueue(self, alert: Alert) -> Acceptance:
        known = await self._deliveries.arrived(alert.delivery_key, self._clock.now())
        if known.is_done:
            return Acceptance(delivery=alert.delivery_key, duplicate=True)
        message = msgspec.json.encode(AlertMessage(delivery=alert.delivery_key, alert=alert))
        if len(message) > LARGEST_MESSAGE:
            await self._payloads.put(alert.delivery_key, msgspec.json.encode(alert))
            message = msgspec.json.encode(AlertMessage(delivery=alert.delivery_key))
        await self._queue.send(REMEDIATIONS, message)
        return Acceptance(delivery=alert.delivery_key, duplicate=False)
