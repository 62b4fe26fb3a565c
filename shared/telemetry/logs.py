"""Structured logs: one JSON object a line, with stable event names and the ids of what is being worked on.

The traps: structlog costs 70 ms of a cold start, so it is imported when the first line is written; the SDKs log URLs
and headers at INFO, so they are kept quiet; and what strangers wrote into a log may hold a secret, so a last look is
taken at every line. That look is a net: code above it never logs a secret on purpose.
"""

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from shared.telemetry.correlation import bound
from shared.telemetry.tracing import trace_ids

_NOISY: Final = ("azure", "msal", "aiohttp", "asyncio", "urllib3", "msrest")
_ROOT: Final = "cachewarden"


class Logger:
    """Writes lines; the first argument names the event (`cache_rule.created`), the others are its fields."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made: Any = None

    def debug(self, event: str, **fields: object) -> None:
        """A detail for whoever looks for a fault."""
        self._log.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """Something happened as it should."""
        self._log.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something is wrong and was coped with."""
        self._log.warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """Something is wrong and a person should know."""
        self._log.error(event, **fields)

    def exception(self, event: str, **fields: object) -> None:
        """The same with the exception that is being handled."""
        self._log.error(event, exc_info=True, **fields)

    @property
    def _log(self) -> Any:
        if self._made is None:
            self._made = _structlog_logger(f"{_ROOT}.{self._name}")
        return self._made


def get_logger(name: str) -> Logger:
    """The logger of a module."""
    return Logger(name)


def configure(level: str = "INFO") -> None:
    """Set the level of our lines, and let the SDKs speak only of what is wrong.

    The handlers stay as they are: in Azure the Functions worker has put its own on the root logger.
    """
    from stamina.instrumentation import set_on_retry_hooks

    # Its own lines hold the text of the error that is retried, past our processors; what matters of it we log.
    set_on_retry_hooks(())
    logging.getLogger(_ROOT).setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _structlog_logger(name: str) -> Any:
    import structlog

    return structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
        processors=[
            structlog.stdlib.filter_by_level,
            _with_bound_fields,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ],
    )


def _with_bound_fields(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**trace_ids(), **bound(), **line}


def _without_secrets(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _redacted(value) for key, value in line.items()}


def _redacted(value: Any) -> Any:
    from shared.domain.diagnosis.redaction import redact

    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(inner) for inner in value]
    return value if isinstance(value, bool | int | float | None) else redact(str(value))
