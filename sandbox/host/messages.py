"""Stand-ins for the protobuf messages between host and worker, without protobuf.

`azure-functions-runtime` gets its message classes handed in and only constructs them by keyword, reads attributes and
calls `WhichOneof`, so plain classes do: neither grpcio, protobuf nor a compiled .proto is needed. A keyword that is not
declared here is a `TypeError` on purpose: a newer worker that sends something new shall not be half understood.
Source of the fields: https://github.com/Azure/azure-functions-language-worker-protobuf, FunctionRpc.proto.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

type _Bytes = bytes
type _Int = int


@dataclass(slots=True)
class TypedData:
    """A value on its way between host and worker: at most one of its fields is set."""

    string: str | None = None
    json: str | None = None
    bytes: _Bytes | None = None
    http: "RpcHttp | None" = None
    int: _Int | None = None
    double: float | None = None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        """The name of the field that is set, or None."""
        for name in ("string", "json", "bytes", "http", "int", "double"):
            if getattr(self, name) is not None:
                return name
        return None


@dataclass(slots=True)
class ParameterBinding:
    """The value of one parameter, by the binding's name."""

    name: str
    data: TypedData | None = None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        """Always `data`: values in shared memory are not emulated."""
        return "data" if self.data is not None else None


@dataclass(slots=True)
class Nullable:
    """A value that may be missing, where protobuf has no other way to say so."""

    value: Any


NullableString = NullableBool = NullableDouble = NullableTimestamp = Nullable


@dataclass(slots=True)
class Timestamp:
    """Seconds since 1970 in UTC."""

    seconds: int


@dataclass(slots=True)
class RpcHttpCookie:
    """A cookie of a response; None means that the attribute is left out."""

    SameSite: ClassVar[SimpleNamespace] = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})

    name: str
    value: str
    domain: Nullable | None = None
    path: Nullable | None = None
    expires: Nullable | None = None
    secure: Nullable | None = None
    http_only: Nullable | None = None
    same_site: int = 0
    max_age: Nullable | None = None


@dataclass(slots=True)
class RpcHttp:
    """An HTTP request (on the way in) or response (on the way out)."""

    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: TypedData = field(default_factory=TypedData)
    status_code: str = ""
    cookies: list[RpcHttpCookie] | None = None
    enable_content_negotiation: bool = False


@dataclass(slots=True)
class RpcException:
    """An exception of the app or of the worker."""

    message: str = ""
    stack_trace: str = ""
    source: str = ""


@dataclass(slots=True)
class StatusResult:
    """How a request to the worker ended."""

    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1

    status: int
    exception: RpcException | None = None


@dataclass(slots=True)
class BindingInfo:
    """A binding as the worker describes it; the host reads `raw_bindings` instead."""

    undefined: ClassVar[int] = 0
    out: ClassVar[int] = 1
    inout: ClassVar[int] = 2

    type: Any = None
    data_type: Any = None
    direction: Any = None


@dataclass(slots=True)
class RpcRetryOptions:
    """A function's retry policy."""

    max_retry_count: int
    retry_strategy: str
    delay_interval: timedelta | None = None
    minimum_interval: timedelta | None = None
    maximum_interval: timedelta | None = None


@dataclass(slots=True)
class RpcFunctionMetadata:
    """A function as the worker indexed it."""

    name: str
    function_id: str
    raw_bindings: list[str]
    directory: str
    script_file: str
    entry_point: str
    language: str
    bindings: dict[str, BindingInfo]
    properties: dict[str, str]
    managed_dependency_enabled: bool
    is_proxy: bool
    retry_options: RpcRetryOptions | None


@dataclass(slots=True)
class WorkerMetadata:
    """What the worker says about itself."""

    runtime_name: str
    runtime_version: str
    worker_version: str
    worker_bitness: str
    custom_properties: dict[str, str]


@dataclass(slots=True)
class WorkerInitResponse:
    """The answer to the start of the worker; the app is indexed by then."""

    capabilities: dict[str, str]
    worker_metadata: WorkerMetadata
    result: StatusResult


@dataclass(slots=True)
class FunctionMetadataResponse:
    """The functions of the app; None when there is no `function_app.py`."""

    use_default_metadata_indexing: bool
    function_metadata_results: list[RpcFunctionMetadata] | None
    result: StatusResult


@dataclass(slots=True)
class FunctionLoadResponse:
    """The answer to the loading of one function."""

    function_id: str
    result: StatusResult


@dataclass(slots=True)
class InvocationResponse:
    """What one invocation returned and wrote to its output bindings."""

    invocation_id: str
    result: StatusResult
    return_value: TypedData | None = None
    output_data: list[ParameterBinding] = field(default_factory=list)
