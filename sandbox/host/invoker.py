"""Runs one invocation from start to end: retries, the function timeout, output bindings, the log lines around it.

What differs from Azure on purpose: after a timeout the real host restarts the whole worker process, and every other
invocation in it dies. Here only the invocation fails. A sync function can't be stopped, in either.
Source: azure-webjobs-sdk, FunctionExecutor.cs.
"""

import asyncio
import logging
import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Protocol

import msgspec

from sandbox.host.calls import Call, InvocationFailed, RetryContext
from sandbox.host.correlation import Invocation, running
from sandbox.host.functions import Function, TriggerKind
from sandbox.host.messages import InvocationResponse, RpcException, TypedData
from sandbox.host.outputs import Outputs
from sandbox.host.retries import may_retry, retry_delay


class Invokes(Protocol):
    """The part of the worker that an invocation needs."""

    async def invoke(self, call: Call, invocation_id: str, retry: RetryContext) -> InvocationResponse:
        """Run a function once; raises `InvocationFailed`."""


class Invoker:
    """Invokes functions and knows what is under way.

    Attributes:
        outstanding: invocations that run now.
        waiting_to_retry: failed invocations that wait for their next try.
    """

    def __init__(
        self, worker: Invokes, outputs: Outputs, timeout: timedelta | None, *, is_traced: bool = False
    ) -> None:
        self.outstanding = 0
        self.waiting_to_retry = 0
        self._worker = worker
        self._outputs = outputs
        self._timeout = timeout
        self._is_traced = is_traced
        self._closing = asyncio.Event()
        self._calls: set[object] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def call(self, call: Call) -> InvocationResponse:
        """Run the function, with the retries that it asks for; raises `InvocationFailed` when the last one fails."""
        policy = call.function.retry
        retry = RetryContext(0, policy.max_retry_count if policy else 0)
        with self._under_way():
            while True:
                try:
                    return await self._once(call, retry)
                except InvocationFailed as failure:
                    if policy is None or not may_retry(policy, retry.retry_count) or self._closing.is_set():
                        raise
                    retry = RetryContext(retry.retry_count + 1, policy.max_retry_count, failure.exception)
                    if await self._closes_within(retry_delay(policy, retry.retry_count), call.function):
                        raise

    def close(self) -> None:
        """Let no failed invocation be tried again: the host is stopping."""
        self._closing.set()

    async def idle(self) -> None:
        """Wait until no call is under way."""
        await self._idle.wait()

    async def _once(self, call: Call, retry: RetryContext) -> InvocationResponse:
        invocation = Invocation(call.function.name, str(uuid.uuid4()))
        with running(invocation), self._logged(invocation, call.reason):
            try:
                async with asyncio.timeout(None if self._timeout is None else self._timeout.total_seconds()):
                    response = await self._worker.invoke(
                        _complete(call, is_traced=self._is_traced), invocation.id, retry
                    )
                    await self._outputs.write(call.function, response)
            except TimeoutError:
                message = f"Timeout value of {self._timeout} was exceeded by function: Functions.{invocation.function}"
                raise InvocationFailed(RpcException(message)) from None
            return response

    @contextmanager
    def _logged(self, invocation: Invocation, reason: str) -> Iterator[None]:
        logger = logging.getLogger(f"Function.{invocation.function}")
        name, started, outcome = invocation.function, perf_counter(), "Failed"
        self.outstanding += 1
        logger.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", name, reason, invocation.id)
        try:
            yield
            outcome = "Succeeded"
        except InvocationFailed as failure:
            text = f"{failure.exception.message}\n{failure.exception.stack_trace}".rstrip()
            logger.error("Exception while executing function: Functions.%s. %s", name, text)  # noqa: TRY400 - the app's trace
            raise
        finally:
            self.outstanding -= 1
            duration = (perf_counter() - started) * 1000
            logger.info("Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)", name, outcome, invocation.id, duration)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        call = object()
        self._calls.add(call)
        self._idle.clear()
        try:
            yield
        finally:
            self._calls.discard(call)
            if not self._calls:
                self._idle.set()

    async def _closes_within(self, delay: timedelta, function: Function) -> bool:
        """Wait for the next try; True when the host stops before."""
        logger = logging.getLogger(f"Function.{function.name}")
        logger.info("Waiting for `%s` before retrying function execution of '%s'.", delay, function.name)
        if function.kind is not TriggerKind.TIMER:
            logger.warning("Soon retries will not be supported for function '%s' (%s).", function.name, function.kind)
        self.waiting_to_retry += 1
        try:
            async with asyncio.timeout(delay.total_seconds()):
                return await self._closing.wait()
        except TimeoutError:
            return False
        finally:
            self.waiting_to_retry -= 1


def _complete(call: Call, *, is_traced: bool) -> Call:
    """The call with what the host adds to every one of them."""
    system = {"MethodName": call.function.name, "UtcNow": datetime.now(UTC).isoformat(), "RandGuid": str(uuid.uuid4())}
    metadata = {**call.metadata, "sys": TypedData(json=msgspec.json.encode(system).decode())}
    state, span = call.trace_state, secrets.token_hex(8)
    if (caller := _TRACE_PARENT.fullmatch(call.trace_parent)) is not None:
        parent = f"00-{caller['trace']}-{span}-{caller['flags']}"
    else:
        parent, state = f"00-{secrets.token_hex(16)}-{span}-{'01' if is_traced else '00'}", ""
    return msgspec.structs.replace(call, metadata=metadata, trace_parent=parent, trace_state=state)


_TRACE_PARENT = re.compile(r"00-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")
"""W3C Trace Context. A call without one gets a trace of its own, which in the host's OpenTelemetry mode is recorded:
its default sampler takes all of them (guessed, the exporter's own limit is far above what an app like this does)."""
