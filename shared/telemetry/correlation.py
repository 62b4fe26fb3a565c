"""The ids of what is being worked on: on every line that is logged, and on every span."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

ON_SPANS: Final = frozenset({"delivery", "incident", "incidents", "registry", "credential", "chore"})
"""The fields that spans get as well: ids that we make, and names of the policy. Nothing that a stranger has written."""

_NOT_AROUND: Final = frozenset({"incident"})
"""What is bound many times inside a span, one after the other, does not go on the span around it."""

PREFIX: Final = "cachewarden."
_LONGEST: Final = 1000

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_bound: ContextVar[Mapping[str, str]] = ContextVar("cachewarden_fields", default=_NOTHING)


@contextmanager
def bind(**fields: str) -> Iterator[None]:
    """Put fields on every line that is logged inside the `with` block, by tasks that are started in it as well.

    Ids go on the span that is under way, and on those that are begun inside.
    """
    token = _bound.set({**_bound.get(), **fields})
    if is_set_up():
        from opentelemetry.trace import get_current_span

        get_current_span().set_attributes(_attributes(fields, ON_SPANS - _NOT_AROUND))
    try:
        yield
    finally:
        _bound.reset(token)


def bound() -> Mapping[str, str]:
    """The fields that are bound here."""
    return _bound.get()


def ids() -> dict[str, str]:
    """The ids among the bound fields, as a span's attributes."""
    return _attributes(_bound.get(), ON_SPANS)


def is_set_up() -> bool:
    """Whether somebody in this process has loaded OpenTelemetry, as the Functions worker does when it exports.

    Where nobody has, importing its API would cost 40 ms of a cold start and record nothing.
    """
    return "opentelemetry.trace" in sys.modules


def _attributes(fields: Mapping[str, str], wanted: frozenset[str]) -> dict[str, str]:
    return {f"{PREFIX}{name}": fields[name][:_LONGEST] for name in fields.keys() & wanted}
