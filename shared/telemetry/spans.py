"""Spans: one for each piece of work, one for each call of an outside system.

What a span may say is decided here: names from closed sets, ids, outcomes and error codes. Never an error's text, an
address or an image: those are written by strangers, or hold what nobody outside the logs should read.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, Protocol

from shared.errors import CachewardenError
from shared.telemetry.correlation import PREFIX, ids, is_set_up
from shared.telemetry.instruments import OUTSIDE_DURATION, WORK_DURATION
from shared.telemetry.metrics import timed
from shared.telemetry.names import Outcome, Outside, Work, outcome_of
from shared.telemetry.tracing import continued

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_MESSAGING: Final = "azure_storage_queues"


class Traced(Protocol):
    """A message that knows its trace."""

    @property
    def trace(self) -> Mapping[str, str]:
        """The trace context of its sender, as W3C headers."""


@contextmanager
def working(work: Work, **attributes: str) -> Iterator[None]:
    """A span around a piece of work, and its duration; `attributes` come from closed sets, or are ids."""
    with timed(WORK_DURATION, work=work), _span(work, {f"{PREFIX}{name}": text for name, text in attributes.items()}):
        yield


@contextmanager
def outside(call: Outside) -> Iterator[None]:
    """A span around one call of an outside system, and its duration."""
    kind = "producer" if call is Outside.QUEUES_SEND else "client"
    with (
        timed(OUTSIDE_DURATION, system=call.system, operation=call),
        _span(call, {"peer.service": call.system}, kind=kind),
    ):
        yield


def traced[**P, R](what: Work | Outside) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """Have every call of a method be a span: a piece of work, or a call of an outside system."""

    def decorated(method: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @wraps(method)
        async def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with working(what) if isinstance(what, Work) else outside(what):
                return await method(*args, **kwargs)

        return inside

    return decorated


def consumes[S, M: Traced, R](
    queue: str,
) -> Callable[[Callable[[S, M], Awaitable[R]]], Callable[[S, M], Coroutine[Any, Any, R]]]:
    """Have a queue's reader go on in the trace of each message's sender."""

    def decorated(method: Callable[[S, M], Awaitable[R]]) -> Callable[[S, M], Coroutine[Any, Any, R]]:
        @wraps(method)
        async def inside(self: S, message: M) -> R:
            attributes = {"messaging.system": _MESSAGING, "messaging.destination.name": queue}
            attributes["messaging.operation.type"] = "process"
            with _span(f"process {queue}", attributes, kind="consumer", sender=message.trace):
                return await method(self, message)

        return inside

    return decorated


@contextmanager
def _span(
    name: str, attributes: Mapping[str, str], *, kind: str = "internal", sender: Mapping[str, str] | None = None
) -> Iterator[None]:
    if not is_set_up():
        yield
        return
    from opentelemetry.trace import SpanKind, StatusCode, get_tracer

    context, links = continued(sender) if sender is not None else (None, [])
    with get_tracer("cachewarden").start_as_current_span(
        name,
        context=context,
        kind=SpanKind[kind.upper()],
        attributes={**ids(), **attributes},
        links=links,
        record_exception=False,  # its text may name an image, an account or an address
        set_status_on_exception=False,
    ) as span:
        outcome = Outcome.OK
        try:
            yield
        except BaseException as error:
            outcome = outcome_of(error)
            code = _code_of(error)
            # Twice: the convention's attribute is dropped on the way to Application Insights (observed, 1.0.0b58).
            span.set_attributes({"error.type": code, f"{PREFIX}error": code})
            if outcome.is_error:
                span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.set_attribute(f"{PREFIX}outcome", outcome)


def _code_of(error: BaseException) -> str:
    """The error's code, which may be an outside system's own; one that does not look like a code is not shown."""
    if not isinstance(error, CachewardenError):
        return type(error).__name__
    return error.code if _CODE.fullmatch(error.code) else type(error).code
