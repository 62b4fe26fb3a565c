"""Which invocation a line of log belongs to.

The trap: the worker tells only the threads of sync functions (`invocation_id_cv`) which invocation they serve. An async
function runs on the host's own loop, so the host has to mark its context itself. Threads that an app starts on its own
have neither.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class Invocation(msgspec.Struct, frozen=True):
    """A running invocation, by the function's name and the invocation's id."""

    function: str
    id: str


_current: ContextVar[Invocation | None] = ContextVar("current_invocation", default=None)
_running: dict[str, Invocation] = {}


@contextmanager
def running(invocation: Invocation) -> Iterator[None]:
    """Mark everything that is logged inside as the invocation's."""
    token = _current.set(invocation)
    _running[invocation.id] = invocation
    try:
        yield
    finally:
        _current.reset(token)
        del _running[invocation.id]


def current_invocation() -> Invocation | None:
    """The invocation that the calling task or thread serves, or None."""
    invocation = _current.get()
    runtime = sys.modules.get("azure_functions_runtime")
    if invocation is None and runtime is not None:
        return _running.get(runtime.invocation_id_cv.get() or "")
    return invocation
