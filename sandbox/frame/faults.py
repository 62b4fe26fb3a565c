"""Faults on demand: what a network and an overloaded service do, switched on for chosen requests.

A fault strikes before the service sees the request or after it has done its work (`phase`): the second is the one
that tells an idempotent client from a lucky one. A `hold` never answers until it is released, so that a test can kill
a client at exactly that moment.
"""

import asyncio
import itertools
import re
from enum import StrEnum
from typing import Annotated, Any

import msgspec


class Phase(StrEnum):
    """When a fault strikes."""

    BEFORE = "before"
    AFTER = "after"


class FaultRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which requests are hit, and by what; of several rules the first that fires does it.

    Attributes:
        service: the service's name; None hits every service.
        method: the request's method; None hits every method.
        path: a regular expression, searched in the path with its query, as it came over the wire.
        phase: before the service sees the request, or after it has done its work; an answer that is streamed has left
            by then, so `status` closes its connection.
        skip: how many matching requests pass unharmed first.
        times: how many requests are hit after that; None hits all of them.
        delay_s: seconds to wait; the only fault that can be had together with another, and alone lets the request pass.
        hold: do not answer until released; a request whose client is gone by then is not handed to the service.
        drop: close the connection without an answer.
        status: answer with this status instead of the service's answer.
        headers: headers of that answer.
        body: body of that answer, a text as it is and anything else as JSON; None lets the service word the refusal.
    """

    service: str | None = None
    method: str | None = None
    path: str = ""
    phase: Phase = Phase.BEFORE
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 0.0
    hold: bool = False
    drop: bool = False
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    headers: dict[str, str] = {}
    body: Any = None

    def __post_init__(self) -> None:
        """Refuse rules that could do nothing or two things at once."""
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error
        effects = (self.hold, self.drop, self.status is not None)
        if sum(effects) > 1:
            raise ValueError("only one of hold, drop and status can be had")
        if not any(effects) and not self.delay_s:
            raise ValueError("a fault needs one of hold, drop, status and delay_s")
        if self.status is None and (self.headers or self.body is not None):
            raise ValueError("headers and body go with a status")


class HeldRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits for its release."""

    service: str
    method: str
    path: str


class Fault:
    """A rule at work: its counts, and the requests that it holds."""

    def __init__(self, identifier: str, rule: FaultRule) -> None:
        self.id = identifier
        self.rule = rule
        self.matched = 0
        self.fired = 0
        self.held: list[HeldRequest] = []
        self._changed = asyncio.Condition()
        self._released = asyncio.Event()

    def strikes(self, *, service: str, method: str, path: str, phase: Phase) -> bool:
        """Count the request if it matches, and say whether it is hit."""
        rule = self.rule
        if rule.service not in {None, service} or rule.method not in {None, method} or rule.phase is not phase:
            return False
        if not re.search(rule.path, path):
            return False
        self.matched += 1
        if self.matched <= rule.skip or (rule.times is not None and self.fired >= rule.times):
            return False
        self.fired += 1
        return True

    async def keep(self, request: HeldRequest) -> None:
        """Hold the request until the release; returns at once for a fault that was released already."""
        async with self._changed:
            self.held.append(request)
            self._changed.notify_all()
        await self._released.wait()
        self.held.remove(request)

    async def wait_until_held(self, count: int = 1, *, timeout_s: float = 30.0) -> list[HeldRequest]:
        """The held requests, as soon as there are `count` of them; raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.held) >= count)
            return list(self.held)

    def release(self) -> None:
        """Let all held requests go on, and hold none any more."""
        self._released.set()


class Faults:
    """The faults that are switched on, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._numbers = itertools.count(1)

    def add(self, rule: FaultRule) -> Fault:
        """Switch a fault on."""
        fault = Fault(f"fault-{next(self._numbers)}", rule)
        self._faults[fault.id] = fault
        return fault

    def remove(self, identifier: str) -> Fault | None:
        """Switch a fault off and release what it holds; None when there is none of that id."""
        fault = self._faults.pop(identifier, None)
        if fault is not None:
            fault.release()
        return fault

    def clear(self) -> None:
        """Switch all faults off."""
        for identifier in list(self._faults):
            self.remove(identifier)

    def get(self, identifier: str) -> Fault | None:
        """The fault of that id, if it is on."""
        return self._faults.get(identifier)

    def all(self) -> list[Fault]:
        """The faults that are on."""
        return list(self._faults.values())

    def strike(self, *, service: str, method: str, path: str, phase: Phase) -> Fault | None:
        """The first fault that hits the request in this phase."""
        for fault in self._faults.values():
            if fault.strikes(service=service, method=method, path=path, phase=phase):
                return fault
        return None
