"""The trace that work belongs to: where it comes from, and how it goes on behind a queue.

Storage queues have no headers, so a message carries the W3C trace context in its body. Its reader goes on in that trace
and links to the invocation, which the host has begun in a trace of its own (observed: the queue extension knows of no
context, Azure/azure-sdk-for-net#49793).
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from shared.telemetry.correlation import is_set_up

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanContext

_MOST_LINKS: Final = 32
_LONGEST: Final = 512
"""Characters of a header; a trace state has at most so many that must be passed on (W3C Trace Context, 3.3.1.5)."""


def carrier() -> dict[str, str]:
    """The trace context of the work that is under way, as W3C headers; empty where there is none."""
    if not is_set_up():
        return {}
    headers: dict[str, str] = {}
    _propagator().inject(headers)
    return {name: text for name, text in headers.items() if len(text) <= _LONGEST}


def traceparent() -> str:
    """The same without the trace state, empty where there is none."""
    return carrier().get("traceparent", "")


def trace_ids() -> dict[str, str]:
    """The ids of the span that is under way, for a line of the log; empty where there is none."""
    if not is_set_up():
        return {}
    from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

    found = get_current_span().get_span_context()
    if not found.is_valid:
        return {}
    return {"trace_id": format_trace_id(found.trace_id), "span_id": format_span_id(found.span_id)}


def link(traceparents: Iterable[str]) -> None:
    """Link the span that is under way to other traces, at most 32 of them; the own one needs none."""
    if not is_set_up():
        return
    from opentelemetry.trace import get_current_span

    span = get_current_span()
    for text in list(dict.fromkeys(traceparents))[:_MOST_LINKS]:
        found = _context_in({"traceparent": text})
        if found is not None and found.trace_id != span.get_span_context().trace_id:
            span.add_link(found)


def continued(headers: Mapping[str, str]) -> "tuple[Context | None, list[Link]]":
    """The context in which a message's reader goes on, and the link to where the reader has been woken.

    A message without one is worked on in the reader's own trace.
    """
    from opentelemetry.trace import Link, get_current_span, set_span_in_context
    from opentelemetry.trace import NonRecordingSpan as Remote

    sent, here = _context_in(headers), get_current_span().get_span_context()
    if sent is None or sent.trace_id == here.trace_id:
        return None, []
    return set_span_in_context(Remote(sent)), [Link(here)] if here.is_valid else []


def _context_in(headers: Mapping[str, str]) -> "SpanContext | None":
    from opentelemetry.context import Context
    from opentelemetry.trace import get_current_span

    found = get_current_span(_propagator().extract(headers, context=Context())).get_span_context()
    return found if found.is_valid else None


def _propagator() -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator()
