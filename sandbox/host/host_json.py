"""Reads `host.json` as the real host does: flattened to paths, overridden by `AzureFunctionsJobHost__a__b` settings.

The real host ignores keys that it does not know. So does this one, with a warning, because a misspelt key is the
usual reason why a setting "does nothing".
Source: azure-functions-host, src/WebJobs.Script/Config/HostJsonFileConfigurationSource.cs.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from sandbox.host.errors import HostConfigurationError
from sandbox.host.settings import AppSettings
from sandbox.host.timespans import parse_timespan

_KNOWN_KEYS = frozenset(
    [
        "version",
        "functiontimeout",
        "retry",
        "functions",
        "http",
        "watchdirectories",
        "watchfiles",
        "queues",
        "servicebus",
        "eventhub",
        "singleton",
        "logging",
        "aggregator",
        "healthmonitor",
        "extensionbundle",
        "manageddependencies",
        "customhandler",
        "httpworker",
        "extensions",
        "concurrency",
        "telemetrymode",
        "sendcanceledinvocationstoworker",
        "configurationprofile",
        "$schema",
    ]
)
_MAX_BATCH = 32
_SHORTEST_POLL = timedelta(milliseconds=100)
_SECOND = timedelta(seconds=1)
_SEE = "See https://aka.ms/functions-hostjson for more information on this configuration file."


class QueueOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`extensions.queues` of version 5 of the Storage extension; its defaults are documented at learn.microsoft.com."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta()
    max_polling_interval: timedelta = timedelta(minutes=1)
    base64: bool = True


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`extensions.http`; a limit of None is no limit."""

    route_prefix: str = "api"
    max_outstanding_requests: int | None = None
    max_concurrent_requests: int | None = None


class HostJson(msgspec.Struct, frozen=True, kw_only=True):
    """What this host uses of `host.json`.

    Attributes:
        function_timeout: None is no limit.
        functions: lower-case names of the only functions to run; None is all.
        log_levels: .NET level names by lower-case category, `default` among them.
        opens_telemetry: `telemetryMode` is OpenTelemetry, so that every invocation begins a trace that is recorded.
        ignored: top-level keys that neither host knows.
    """

    http: HttpOptions
    queues: QueueOptions
    function_timeout: timedelta | None
    functions: frozenset[str] | None
    log_levels: dict[str, str]
    opens_telemetry: bool
    ignored: tuple[str, ...]


def load_host_json(app: Path, settings: AppSettings, *, processors: int | None = None) -> HostJson:
    """Read and validate the app's `host.json`; a missing file means the defaults, as in Azure.

    Args:
        app: the app's folder.
        settings: where the overrides are.
        processors: what the default of `newBatchThreshold` is multiplied with; None asks the machine.

    Raises:
        HostConfigurationError: the file is not JSON, its version is not "2.0", or a value is out of range.
    """
    document = _read(app / "host.json")
    values: dict[str, str] = {}
    _flatten(document, "", values)
    values.update(settings.below("AzureFunctionsJobHost"))
    reader = _Reader(values)
    return HostJson(
        http=_http(reader),
        queues=_queues(reader, processors or os.cpu_count() or 1),
        function_timeout=_function_timeout(reader),
        functions=frozenset(name.lower() for name in reader.below("functions").values()) or None,
        log_levels=reader.below("logging:loglevel"),
        opens_telemetry=(reader.read("telemetryMode", str, "a text") or "").lower() == "opentelemetry",
        ignored=tuple(key for key in document if key.lower() not in _KNOWN_KEYS),
    )


class _Reader:
    """Typed access to the flattened values; an error names the path as it stands in the file."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def below(self, section: str) -> dict[str, str]:
        return {k.removeprefix(f"{section}:"): v for k, v in self._values.items() if k.startswith(f"{section}:")}

    def read[T](self, path: str, parse: Callable[[str], T], expected: str) -> T | None:
        text = self._values.get(path.lower())
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError:
            where = path.replace(":", ".")
            raise HostConfigurationError(f"host.json: {where} is {text!r}; expected {expected}") from None

    def whole(self, path: str, low: int, high: int | None = None) -> int | None:
        expected = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
        return self.read(path, lambda text: _between(int(text), low, high), expected)

    def duration(self, path: str, low: timedelta) -> timedelta | None:
        return self.read(path, lambda text: _between(parse_timespan(text), low, None), f"a TimeSpan of at least {low}")


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = msgspec.json.decode(
            path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=dict[str, Any]
        )
    except FileNotFoundError:
        return {"version": "2.0"}
    except msgspec.DecodeError as error:
        raise HostConfigurationError(f"Unable to parse host configuration file '{path}': {error}") from None
    version = document.get("version")
    if not version:
        raise HostConfigurationError(f"The host.json file is missing the required 'version' property. {_SEE}")
    if version != "2.0":
        raise HostConfigurationError(
            f"'{version}' is an invalid value for host.json 'version' property. "
            f"We recommend you set the 'version' property to '2.0'. {_SEE}"
        )
    return document


def _flatten(node: object, path: str, into: dict[str, str]) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            _flatten(value, f"{path}:{key}" if path else key, into)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _flatten(value, f"{path}:{index}", into)
    elif node is not None:
        into[path.lower()] = str(node).lower() if isinstance(node, bool) else str(node)


def _http(reader: _Reader) -> HttpOptions:
    def limit(name: str) -> int | None:
        value = reader.whole(f"extensions:http:{name}", -1)
        return None if value == -1 else value

    prefix = reader.read("extensions:http:routePrefix", str, "a text")
    return HttpOptions(
        route_prefix="api" if prefix is None else prefix.strip("/"),
        max_outstanding_requests=limit("maxOutstandingRequests"),
        max_concurrent_requests=limit("maxConcurrentRequests"),
    )


def _queues(reader: _Reader, processors: int) -> QueueOptions:
    section = "extensions:queues"
    batch = _or(reader.whole(f"{section}:batchSize", 1, _MAX_BATCH), 16)
    encoding = reader.read(f"{section}:messageEncoding", _encoding, "base64 or none")
    return QueueOptions(
        batch_size=batch,
        new_batch_threshold=_or(reader.whole(f"{section}:newBatchThreshold", 0), batch // 2 * processors),
        max_dequeue_count=_or(reader.whole(f"{section}:maxDequeueCount", 1), 5),
        visibility_timeout=_or(reader.duration(f"{section}:visibilityTimeout", timedelta()), timedelta()),
        max_polling_interval=_or(
            reader.duration(f"{section}:maxPollingInterval", _SHORTEST_POLL), timedelta(minutes=1)
        ),
        base64=encoding != "none",
    )


def _function_timeout(reader: _Reader) -> timedelta | None:
    unlimited = reader.read("functionTimeout", lambda text: text == "-1", "a TimeSpan")
    if unlimited:
        return None
    return _or(reader.duration("functionTimeout", _SECOND), timedelta(minutes=30))


def _encoding(text: str) -> str:
    if text.lower() not in {"base64", "none"}:
        raise ValueError(text)
    return text.lower()


def _between[T: (int, timedelta)](value: T, low: T, high: T | None) -> T:
    if value < low or (high is not None and value > high):
        raise ValueError(value)
    return value


def _or[T](value: T | None, default: T) -> T:
    return default if value is None else value
