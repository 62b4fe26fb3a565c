"""What every client said to every emulated service, so that it can be held against the services' API descriptions.

The log is read by people and by checks and ends in files: whatever opens a door is replaced before it is stored.
A secret that a client put into a URL is replaced by a text long enough for a check to see that it was there.
"""

import json
import os
import re
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import msgspec

FOLDER_VARIABLE = "SANDBOX_EXCHANGES"
HIDDEN = "***"
_HIDDEN_IN_URL = "***redacted***"
_SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "aeg-sas-key",
        "aeg-sas-token",
        "x-functions-key",
        "x-identity-header",
        "api-key",
    }
)
_SECRET_KEYS = frozenset(
    {"password", "secret", "token", "access_token", "refresh_token", "id_token", "identity_token", "client_secret"}
)
_SECRET_PARAMETER = re.compile(r"(?<=[?&])((?:code|sig|[^=&]*(?:key|token|secret|password))=)[^&#]{12,}", re.IGNORECASE)
_PAGING_PARAMETER = re.compile(r"\$?(?:skip|continuation|next)-?token=", re.IGNORECASE)
_TOKEN_TEXT = re.compile(r"dckr_[po]at_[\w-]+|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_LIMIT_BYTES = 64 * 1024 * 1024
_DEEPEST_SHOWN = 100


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what was answered; bodies are parsed JSON, or None where they are something else."""

    service: str
    method: str
    url: str
    request_headers: dict[str, str]
    request_body: Any
    status: int
    response_headers: dict[str, str]
    response_body: Any


class ExchangeLog:
    """The latest exchanges as JSON lines, at most `limit` and 64 MiB of them; the oldest go first.

    With a `file`, every line is appended to it as well, without a bound. Where the environment variable
    `SANDBOX_EXCHANGES` names a folder, all logs of a process write along to one file in it, so that a check can look
    at what was said in a whole test run.
    """

    def __init__(self, *, file: Path | None = None, limit: int = 20_000) -> None:
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._limit = limit
        self._file: TextIO | None = None
        self.dropped = 0
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._file = file.open("w", encoding="utf-8", buffering=1)

    def record(self, exchange: Exchange) -> None:
        """Keep the exchange, with everything that opens a door replaced by `***`."""
        line = msgspec.json.encode(_redacted(exchange))
        self._lines.append(line)
        self._size += len(line)
        while len(self._lines) > self._limit or self._size > _LIMIT_BYTES:
            self._size -= len(self._lines.popleft())
            self.dropped += 1
        for file in filter(None, (self._file, _file_of_the_process())):
            file.write(line.decode() + "\n")

    def exchanges(self, service: str | None = None, *, method: str | None = None, path: str = "") -> list[Exchange]:
        """The exchanges in the order in which they ended; `path` is a regular expression, searched in the URL."""
        found = [msgspec.json.decode(line, type=Exchange) for line in self._lines]
        return [
            exchange
            for exchange in found
            if service in {None, exchange.service}
            and method in {None, exchange.method}
            and re.search(path, exchange.url)
        ]

    def json_lines(self) -> bytes:
        """All that is kept, one JSON object a line."""
        return b"".join(line + b"\n" for line in self._lines)

    def clear(self) -> None:
        """Forget what is kept; a file that is written along stays as it is."""
        self._lines.clear()
        self._size = self.dropped = 0

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None


@cache
def _file_of_the_process() -> TextIO | None:
    folder = os.environ.get(FOLDER_VARIABLE)
    return (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8", buffering=1) if folder else None


def json_body(content_type: str, body: bytes | bytearray | None) -> Any:
    """The body as JSON when it says that it is, is, and is not nested too deeply to be shown; None otherwise."""
    if not body or "json" not in content_type:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # the latter for what is nested without end
        return None
    return None if _is_deeper_than(_DEEPEST_SHOWN, document) else document


def _is_deeper_than(levels: int, document: Any) -> bool:
    below = [document]
    for _ in range(levels):
        below = [
            inner
            for item in below
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return bool(below)


def redacted_url(url: str) -> str:
    """The URL with the values of parameters that open a door replaced; paging tokens stay, they open nothing."""

    def hide(match: re.Match[str]) -> str:
        return match[0] if _PAGING_PARAMETER.fullmatch(match[1]) else match[1] + _HIDDEN_IN_URL

    return _SECRET_PARAMETER.sub(hide, url)


def _redacted(exchange: Exchange) -> Exchange:
    return msgspec.structs.replace(
        exchange,
        url=redacted_url(exchange.url),
        request_headers=_redacted_headers(exchange.request_headers),
        request_body=_redacted_body(exchange.request_body),
        response_headers=_redacted_headers(exchange.response_headers),
        response_body=_redacted_body(exchange.response_body),
    )


def _redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: HIDDEN if name.lower() in _SECRET_HEADERS else _TOKEN_TEXT.sub(HIDDEN, redacted_url(value))
        for name, value in headers.items()
    }


def _redacted_body(body: Any) -> Any:
    if isinstance(body, str):
        return _TOKEN_TEXT.sub(HIDDEN, body)
    if isinstance(body, Mapping):
        return {
            key: HIDDEN if isinstance(value, str) and str(key).lower() in _SECRET_KEYS else _redacted_body(value)
            for key, value in body.items()
        }
    if isinstance(body, Sequence):
        return [_redacted_body(item) for item in body]
    return body
