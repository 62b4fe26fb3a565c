"""Traces: one from an alert to its notice, whatever lies between, and none that grows without end."""

import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan

from shared.application.messages import (
    NOTIFICATIONS,
    REMEDIATIONS,
    AlertMessage,
    NotificationMessage,
    RegistryMessage,
    read_notification,
    read_remediation,
)
from shared.application.ports import Stored
from shared.domain.incidents import Incident
from shared.errors import PermanentError, TemporaryError
from shared.telemetry import bind
from shared.telemetry.names import Outside, Work
from shared.telemetry.spans import outside, working
from shared.telemetry.tracing import carrier, link, trace_ids, traceparent
from tests.fakes.application import REGISTRY, TestApplication, log_alert
from tests.fakes.stores import MemoryIncidents
from tests.fixtures.telemetry import Recorded

STRANGE = "00-0000000000000000000000000000abcd-00000000000000ef-01"


@contextlib.contextmanager
def invocation(number: int) -> Iterator[None]:
    """Run inside as the worker runs a function: in the context of an invocation that the host has begun."""
    span = trace.NonRecordingSpan(
        trace.SpanContext(number, number, is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED))
    )
    token = context.attach(trace.set_span_in_context(span, context.Context()))
    try:
        yield
    finally:
        context.detach(token)


async def cured(world: TestApplication, *, first: int = 1) -> int:
    """Take an alert to its end, every message in an invocation of its own; the number of the last invocation."""
    number = first
    with invocation(number):
        await world.alert()
    while True:
        world.clock.advance(max((message.delay_s for message in world.queue.sent), default=0))
        remediations, notifications = world.queue.take(REMEDIATIONS), world.queue.take(NOTIFICATIONS)
        if not remediations and not notifications:
            return number
        for body in remediations:
            number += 1
            with invocation(number):
                await world.app.remediation.handle(read_remediation(body))
        for body in notifications:
            number += 1
            with invocation(number):
                await world.app.notification.deliver(read_notification(body))


def linked(span: ReadableSpan) -> set[int]:
    """The ids of the traces that a span links to."""
    return {one.context.trace_id for one in span.links}


class TestOneTrace:
    """From the alert to the notice."""

    async def test_all_of_it_is_in_the_trace_of_the_alert(self, recorded: Recorded) -> None:
        """Though every queue trigger runs in a trace of the host's own, to which its reader links."""
        world = TestApplication()
        world.failing("nginx:1.27")

        last = await cured(world)

        assert recorded.traces == {1}
        names = {span.name for span in recorded.spans}
        assert names >= {
            "intake.alert",
            "process remediations",
            "detection",
            "curing",
            "survey",
            "apply",
            "apply.action",
            "verification",
            "process notifications",
            "notification.deliver",
            "notification.send",
        }
        consumers = [span for span in recorded.spans if span.kind is trace.SpanKind.CONSUMER]
        assert set[int]().union(*map(linked, consumers)) == set(range(2, last + 1))

    async def test_the_spans_form_one_tree(self, recorded: Recorded) -> None:
        """A message's reader hangs below the work that sent it."""
        world = TestApplication()
        world.failing("nginx:1.27")

        await cured(world)

        by_id = {span.context.span_id: span.name for span in recorded.spans if span.context}
        parents = {span.name: by_id.get(span.parent.span_id if span.parent else 0) for span in recorded.spans}
        assert parents["intake.alert"] is None
        assert parents["process remediations"] == "intake.alert"
        assert parents["detection"] == "process remediations"
        assert parents["apply.action"] == "apply"
        assert parents["notification.send"] == "notification.deliver"

    async def test_a_message_that_comes_again_stays_in_its_trace(self, recorded: Recorded) -> None:
        """A redelivery is one more span of the same trace."""
        world = TestApplication()
        world.failing("nginx:1.27")
        with invocation(1):
            await world.alert()
        [body] = world.queue.take(REMEDIATIONS)

        for number in (2, 3):
            with invocation(number):
                await world.app.remediation.handle(read_remediation(body))

        assert recorded.traces == {1}
        assert [linked(span) for span in recorded.named("process remediations")] == [{2}, {3}]

    async def test_a_look_that_is_put_off_stays_in_the_trace(self, recorded: Recorded) -> None:
        """The message that is left for later carries the trace on."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.registries.trouble["read"] = [TemporaryError("throttled", retry_after=30)]

        await cured(world)

        assert len(recorded.named("process remediations")) > 1
        assert recorded.traces == {1}

    async def test_a_message_of_an_earlier_version(self, recorded: Recorded) -> None:
        """One without a trace is read all the same, and worked on in its invocation's trace."""
        world = TestApplication()
        body = msgspec.json.encode({"type": "registry", "registry_id": REGISTRY})

        with invocation(7):
            message = read_remediation(body)
            await world.app.remediation.handle(message)

        assert isinstance(message, RegistryMessage)
        assert recorded.traces == {7}
        assert linked(recorded.named("process remediations")[0]) == set()

    @pytest.mark.parametrize("broken", [{"traceparent": "00-zz"}, {"traceparent": ""}, {"other": "x"}])
    async def test_a_trace_that_is_none(self, recorded: Recorded, broken: dict[str, str]) -> None:
        """Whatever stands there, the message is worked on."""
        world = TestApplication()
        with invocation(7):
            await world.app.remediation.handle(RegistryMessage(registry_id=REGISTRY, trace=broken))

        assert recorded.traces == {7}


class TestStorms:
    """Many deliveries that speak of one incident."""

    async def test_an_incident_keeps_the_traces_of_its_first_deliveries(self, recorded: Recorded) -> None:
        """Eight of twenty, each once; whoever works on it later links to them."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.registries.trouble["read"] = [TemporaryError("throttled")] * 60
        for number in range(1, 21):
            with invocation(number):
                await world.alert(log_alert(alert=f"a{number}"))
                for body in world.queue.take(REMEDIATIONS):
                    message = read_remediation(body)
                    if isinstance(message, AlertMessage):
                        await world.app.remediation.handle(message)
        [incident] = (await world.all_incidents()).values()
        world.registries.trouble["read"].clear()

        with invocation(99):
            await world.app.remediation.handle(RegistryMessage(registry_id=REGISTRY, trace={}))

        assert len(incident.traces) == len(set(incident.traces)) == 8
        assert linked(recorded.named("curing")[-1]) == set(range(1, 9))

    async def test_a_repeated_delivery_adds_nothing(self, recorded: Recorded) -> None:
        """One trace is one link, however often it speaks."""
        world = TestApplication()
        world.failing("nginx:1.27")
        for alert in ("a1", "a2"):
            with invocation(5):
                await world.alert(log_alert(alert=alert))
                await world.work()

        [incident] = (await world.all_incidents()).values()
        assert len(incident.traces) == 1
        assert recorded.traces == {5}

    async def test_a_notice_that_another_message_sends(self, recorded: Recorded) -> None:
        """Its delivery is in that message's trace, and links to the trace that wrote the notice."""
        world = TestApplication()
        world.failing("nginx:1.27")
        with invocation(1):
            await world.alert()
            await world.work()
        world.clock.advance(3600)
        [row] = [row async for row in world.outbox.about(world.topic.sent[0].subject)]
        stored = await world.outbox.get(row.subject, row.row)
        assert stored is not None
        await world.outbox.replace(stored, msgspec.structs.replace(row, sent_at=None))

        with invocation(8):
            await world.app.notification.deliver(NotificationMessage(row.subject, row.row, trace={}))

        again = recorded.named("notification.deliver")[-1]
        assert again.context is not None
        assert (again.context.trace_id, linked(again)) == (8, {1})


class Refusing(MemoryIncidents):
    """A store that takes new incidents and refuses every change for good."""

    async def replace(self, stored: Stored[Incident], incident: Incident) -> Stored[Incident]:
        """Refuse it."""
        raise PermanentError("too large", code="EntityTooLarge")


class TestDeadLetters:
    """A message is the same whichever work has sent it."""

    async def test_what_was_given_up_in_one_trace_is_given_up_in_all(self, recorded: Recorded) -> None:
        """The sweep, in traces of its own, knows the letter and looks no more."""
        world = TestApplication()
        world.incidents = Refusing()
        world.app = world.another()
        world.failing("nginx:1.27")
        await cured(world)
        looks = len(recorded.named("process remediations"))

        for number in range(101, 104):
            world.clock.advance(3600)
            with invocation(number):
                await world.app.sweep.run()
                await world.work()

        assert recorded.traces >= {101, 102, 103}
        assert len(await world.app.dead_letters.listed()) == 1
        assert len(recorded.named("process remediations")) == looks


class TestSpans:
    """What a span says of itself."""

    @pytest.mark.parametrize(
        ("error", "outcome", "code", "is_failed"),
        [
            (TemporaryError("x", code="TooManyRequests"), "temporary", "TooManyRequests", True),
            (TemporaryError("x", code="changed"), "conflict", "changed", False),
            (PermanentError("x", code="table_missing"), "absent", "table_missing", False),
            (PermanentError("x"), "permanent", "permanent", True),
            (PermanentError("x", code="said by a stranger: nginx"), "permanent", "permanent", True),
            (KeyError("nginx"), "defect", "KeyError", True),
        ],
    )
    def test_how_it_ended(
        self, recorded: Recorded, error: Exception, outcome: str, code: str, *, is_failed: bool
    ) -> None:
        """Outcome and code, and nothing of the error's text."""
        with pytest.raises(type(error)), outside(Outside.ARM_READ_REGISTRY):
            raise error

        [span] = recorded.spans
        assert span.attributes is not None
        assert span.attributes["cachewarden.outcome"] == outcome
        assert span.attributes["error.type"] == code
        assert (span.status.status_code is trace.StatusCode.ERROR) == is_failed
        assert (span.events, span.status.description) == ((), None)

    def test_the_ids_of_the_work(self, recorded: Recorded) -> None:
        """Bound ids are on the span that runs and on those inside; other fields are for logs alone."""
        with bind(delivery="d1"), working(Work.DETECTION), bind(registry="r1", image="nginx"), working(Work.SURVEY):
            pass

        found = {span.name: dict(span.attributes or {}) for span in recorded.spans}
        assert found["survey"]["cachewarden.delivery"] == found["detection"]["cachewarden.delivery"] == "d1"
        assert found["survey"]["cachewarden.registry"] == found["detection"]["cachewarden.registry"] == "r1"
        assert "nginx" not in recorded.dump()

    def test_one_incident_of_many(self, recorded: Recorded) -> None:
        """The work on a registry names no single incident; what is done for one does."""
        with working(Work.CURING):
            for number in ("i1", "i2"):
                with bind(incident=number), working(Work.VERIFICATION):
                    pass

        found = [(span.name, dict(span.attributes or {}).get("cachewarden.incident")) for span in recorded.spans]
        assert found == [("verification", "i1"), ("verification", "i2"), ("curing", None)]

    def test_links_are_few(self, recorded: Recorded) -> None:
        """However many traces there are, and whatever they are; the own one is none."""
        with working(Work.CURING):
            link([f"00-{number:032x}-{1:016x}-01" for number in range(1, 1000)])
            link([traceparent(), "", "no trace", STRANGE, STRANGE])

        [span] = recorded.spans
        assert len(span.links) == 33

    def test_a_line_of_the_log_knows_its_span(self, recorded: Recorded) -> None:
        """By the ids that the backend shows; outside of any span there are none."""
        assert (trace_ids(), carrier()) == ({}, {})
        with working(Work.SURVEY):
            ids = trace_ids()

        [span] = recorded.spans
        assert span.context is not None
        assert ids == {"trace_id": f"{span.context.trace_id:032x}", "span_id": f"{span.context.span_id:016x}"}
