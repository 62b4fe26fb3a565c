"""A function of the app as the host knows it: its trigger, its outputs, its retry policy, and what is wrong with it."""

from enum import StrEnum
from typing import Any

import msgspec

from sandbox.host.errors import BindingError
from sandbox.host.messages import RpcFunctionMetadata, RpcRetryOptions


class TriggerKind(StrEnum):
    """The triggers that this host has listeners for."""

    HTTP = "httpTrigger"
    EVENT_GRID = "eventGridTrigger"
    QUEUE = "queueTrigger"
    TIMER = "timerTrigger"


class AuthLevel(StrEnum):
    """The key that an HTTP function asks for."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"


class Binding(msgspec.Struct, frozen=True, rename="camel"):
    """One binding as `azure-functions` describes it in JSON; fields of other bindings keep their defaults."""

    type: str
    name: str
    direction: str
    data_type: str = ""
    route: str | None = None
    methods: tuple[str, ...] | None = None
    auth_level: str = "FUNCTION"
    queue_name: str = ""
    connection: str | None = None
    schedule: str = ""
    run_on_startup: bool = False
    use_monitor: bool = True


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the worker indexed.

    Attributes:
        raw_bindings: the bindings as the worker gave them, for the admin API.
        error: why the host can't run it; empty when it can.
    """

    name: str
    id: str
    trigger: Binding
    outputs: tuple[Binding, ...] = ()
    retry: RpcRetryOptions | None = None
    is_disabled: bool = False
    raw_bindings: tuple[dict[str, Any], ...] = ()
    error: str = ""

    @property
    def kind(self) -> TriggerKind:
        """The trigger's kind."""
        return TriggerKind(self.trigger.type)

    @property
    def auth_level(self) -> AuthLevel:
        """The level that an HTTP trigger asks for."""
        return AuthLevel(self.trigger.auth_level.lower())


def read_function(metadata: RpcFunctionMetadata, *, is_disabled: bool) -> Function:
    """The function that the worker's metadata describes; with a binding that this host lacks it is in error."""
    raw = tuple(msgspec.json.decode(text, type=dict[str, Any]) for text in metadata.raw_bindings)
    bindings = [msgspec.json.decode(text, type=Binding) for text in metadata.raw_bindings]
    trigger = next(binding for binding in bindings if binding.type.endswith("Trigger"))
    outputs = tuple(binding for binding in bindings if binding.direction == "OUT")
    error = ""
    try:
        _check(trigger, outputs, [binding for binding in bindings if binding is not trigger and binding not in outputs])
    except BindingError as problem:
        error = str(problem)
    return Function(
        name=metadata.name,
        id=metadata.function_id,
        trigger=trigger,
        outputs=outputs,
        retry=metadata.retry_options,
        is_disabled=is_disabled,
        raw_bindings=raw,
        error=error,
    )


def _check(trigger: Binding, outputs: tuple[Binding, ...], inputs: list[Binding]) -> None:
    if trigger.type not in set(TriggerKind):
        raise BindingError(f"The trigger '{trigger.type}' is not emulated; this host has {', '.join(TriggerKind)}.")
    for output in outputs:
        if output.type not in {"queue", "http"}:
            raise BindingError(f"The output binding '{output.type}' is not emulated; this host has queue and http.")
    if inputs:
        raise BindingError(f"The input binding '{inputs[0].type}' is not emulated; this host has none.")
