"""A fuse: ends a worker before or after a chosen call to the outside, as a killed process would be."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from functools import wraps
from typing import Any


class Killed(BaseException):
    """The worker is gone; nothing of it runs any further. No `Exception`, so that nobody catches it by mistake."""


class Fuse:
    """Counts the calls of all fakes that share it, and blows at one of them.

    Attributes:
        calls: the names of the calls so far.
        on_call: run between any two calls; what it raises fails the test.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.on_call: Callable[[], None] = lambda: None
        self._left: int | None = None
        self._error: Exception | None = None
        self._after = False
        self._wanted: str | None = None

    def blow(self, at: int, *, after: bool, error: Exception | None = None) -> None:
        """Kill the worker at the `at`th call from now, counted from 1: before it does anything, or after all of it.

        With an error the call ends in that, and the worker lives on.
        """
        self._left, self._after, self._error = at, after, error

    def blow_after(self, call: str) -> None:
        """Kill the worker when the next call of this name has taken effect."""
        self._wanted = call

    def mend(self) -> None:
        """Kill nobody any more."""
        self._left = None

    async def before(self, call: str) -> None:
        """What a fake does first in each call."""
        await asyncio.sleep(0)
        self.on_call()
        self.calls.append(call)
        if call == self._wanted:
            self._left, self._after, self._wanted = 1, True, None
        if self._left is not None:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise self._error or Killed(call)

    def after(self, call: str) -> None:
        """What a fake does last in each call."""
        if self._left == 0 and self._after:
            raise self._error or Killed(call)


class Fused:
    """A port whose every call goes through a fuse, named `port.method`; what it answers is the port's own."""

    def __init__(self, name: str, port: Any, fuse: Fuse) -> None:
        self._name = name
        self._port = port
        self._fuse = fuse

    def __getattr__(self, method: str) -> Any:
        """The port's method, or whatever else it has of that name."""
        found, call = getattr(self._port, method), f"{self._name}.{method}"
        if inspect.isasyncgenfunction(found):

            @wraps(found)
            async def listed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
                await self._fuse.before(call)
                async for one in found(*args, **kwargs):
                    yield one

            return listed
        if not inspect.iscoroutinefunction(found):
            return found

        @wraps(found)
        async def fused(*args: Any, **kwargs: Any) -> Any:
            await self._fuse.before(call)
            answer = await found(*args, **kwargs)
            self._fuse.after(call)
            return answer

        return fused
