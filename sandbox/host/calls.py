"""What passes between a trigger and the worker: a call of a function, and its failure."""

from collections.abc import Mapping

import msgspec

from sandbox.host.functions import Function
from sandbox.host.messages import RpcException, TypedData


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What a trigger hands to a function.

    Attributes:
        data: the value of the trigger's parameter.
        reason: why it runs, for the log.
        metadata: trigger metadata, as the trigger's extension documents it.
        trace_parent: the W3C trace context of the caller; empty starts a new trace.
        trace_state: what the caller's tracing system says beside it.
    """

    function: Function
    data: TypedData
    reason: str
    metadata: Mapping[str, TypedData] = {}
    trace_parent: str = ""
    trace_state: str = ""


class RetryContext(msgspec.Struct, frozen=True):
    """What the function sees as `context.retry_context`; `exception` is the failure before."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException | None = None


class InvocationFailed(Exception):
    """The function raised, ran out of time, or what it returned could not be used."""

    def __init__(self, exception: RpcException) -> None:
        super().__init__(exception.message)
        self.exception = exception
