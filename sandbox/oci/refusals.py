"""How a pull fails, with everything that a person or a log line says about it."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class Step(StrEnum):
    """What a client was doing when it was refused."""

    AUTHORIZE = "authorize"
    RESOLVE = "resolve"
    FETCH = "fetch"


class Answer(msgspec.Struct, frozen=True):
    """One request of a pull and how it was answered; header names are in lower case."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]


class PullRefused(Exception):
    """A registry or its token service answered with an error.

    Attributes:
        step: what was asked for.
        answer: the request, and the status and headers of the answer.
        code: the registry's error code, `TOOMANYREQUESTS`; empty when the body has none.
        message: the registry's words; the body's beginning when it is no error document.
        body: the body as it came.
        authenticated: whether the client sent credentials of its own.
    """

    def __init__(self, step: Step, answer: Answer, body: bytes, *, authenticated: bool) -> None:
        self.step = step
        self.authenticated = authenticated
        self.answer = answer
        self.body = body
        self.code, self.message = error_of(body)
        super().__init__(f"{answer.method} {answer.url}: {answer.status} {self.code}: {self.message}")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer, names in lower case."""
        return self.answer.headers

    @property
    def scope_missing(self) -> bool:
        """Whether the registry knew the caller's token and wants one that allows more."""
        return "insufficient_scope" in self.headers.get("www-authenticate", "")


class RegistryUnreachable(Exception):
    """Nobody answered for this host; in the sandbox also every host that is not part of it."""

    def __init__(self, host: str, reason: str) -> None:
        self.host = host
        self.reason = reason
        super().__init__(f"{host}: {reason}")


class DigestMismatch(Exception):
    """The bytes are not those that were asked for."""

    def __init__(self, url: str, expected: str, found: str) -> None:
        super().__init__(f"{url}: expected {expected}, the content's digest is {found}")


def error_of(body: bytes) -> tuple[str, str]:
    """Code and words of a registry's error document (OCI distribution, "Error Codes") or of a token service's."""
    text = body.decode(errors="replace").strip()
    try:
        document: Any = json.loads(text)
    except ValueError:
        return "", text[:500]
    match document:
        case {"errors": [{"code": str(code), **rest}, *_]}:
            return code, str(rest.get("message", ""))
        case {"details": str(details)}:
            return "", details
        case _:
            return "", text[:500]
