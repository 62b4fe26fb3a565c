"""Causes other than a limit, each by the words in which the runtimes and registries say it.

The order decides where a text says several things: a certificate that nobody trusts is also "failed to do request", a
missing repository is "pull access denied, repository does not exist". What is more particular stands first.
"""

import re
from typing import NamedTuple

import msgspec

from shared.domain.diagnosis.model import Cause
from shared.domain.diagnosis.unwrapping import Text


class Sign(msgspec.Struct, frozen=True):
    """The words that decided."""

    cause: Cause
    start: int
    end: int


class _Group(NamedTuple):
    """One cause's phrases; each contains one of `gates`, so that a text without any of them is done with."""

    cause: Cause
    gates: tuple[str, ...]
    phrases: tuple[str, ...]


_GROUPS = (
    _Group(
        Cause.CREDENTIAL_REJECTED,
        ("token", "username", "credentials", "source registry", "login"),
        (
            "token is expired",
            "token has expired",
            "token expired",
            "token is revoked",
            "token was revoked",
            "token has been revoked",
            "token revoked",
            "incorrect username or password",
            "invalid username or password",
            "wrong username or password",
            "bad username or password",
            "invalid username/password",
            "incorrect username/password",
            "invalid credentials",
            "credentials are invalid",
            "bad credentials",
            "please use personal access token",
            "login attempt to",
            "too many failed login attempts",
            "authentication required with source registry",
        ),
    ),
    _Group(
        Cause.TLS,
        ("x509", "certificate", "https client", "tls"),
        (
            "x509:",
            "certificate signed by unknown authority",
            "certificate verify failed",
            "certificate has expired",
            "failed to verify certificate",
            "server gave http response to https client",
            "first record does not look like a tls handshake",
            "remote error: tls:",
            "tls: ",
        ),
    ),
    _Group(
        Cause.DENIED,
        ("denied", "auth", "40", "not allowed access", "not accessible", "forbidden"),
        (
            "access denied",
            "unauthorized",
            "denied:",
            '"denied"',
            "has been denied",
            "authentication required",
            "no basic auth credentials",
            "insufficient_scope",
            "not allowed access",
            "is not accessible",
            "status code 403",
            "status code: 403",
            "status code 401",
            "status code: 401",
            "forbidden",
        ),
    ),
    _Group(
        Cause.NETWORK,
        ("host", "name", "server misbehaving", "dns"),
        (
            "no such host",
            "server misbehaving",
            "name resolution",
            "name or service not known",
            "could not resolve host",
            "dns lookup",
        ),
    ),
    _Group(
        Cause.NOT_FOUND,
        ("unknown", "no such", "no matching", "not exist", "404", "not found"),
        (
            "manifest unknown",
            "manifest_unknown",
            "name unknown",
            "name_unknown",
            "no such manifest",
            "no such image",
            "no matching manifest",
            "does not exist",
            "status code 404",
            "status code: 404",
            "not found",
        ),
    ),
    _Group(
        Cause.UPSTREAM_UNAVAILABLE,
        ("50", "unavailable", "gateway"),
        (
            "503 service unavailable",
            "502 bad gateway",
            "504 gateway",
            "500 internal server error",
            "service unavailable",
            "bad gateway",
            "gateway timeout",
            "gateway time-out",
            "temporarily unavailable",
            "status code 503",
            "status code 502",
            "status code 500",
        ),
    ),
    _Group(
        Cause.NETWORK,
        ("timeout", "timed out", "con", "dial", "route", "unreachable", "deadline", "pipe", "eof", "cancel"),
        (
            "tls handshake timeout",
            "i/o timeout",
            "connection refused",
            "connection reset",
            "connection timed out",
            "no route to host",
            "network is unreachable",
            "deadline exceeded",
            "client.timeout",
            "timed out",
            "broken pipe",
            "unexpected eof",
            "proxyconnect tcp",
            "request canceled",
            "dial tcp",
        ),
    ),
)
_LONE_EOF = re.compile(r"[\":] {0,2}EOF\b")
_REJECTED_LOGIN = re.compile(r"failed to fetch oauth token\b[^\n]{0,600}?\b401 unauthorized")
_NOT_THE_IMAGE = re.compile(
    r"(?:executable file|command|file|module|path|library|helper) not found|not found in \$path"
)


def find_cause(text: Text) -> Sign | None:
    """What the text says went wrong, None when it doesn't say."""
    low = text.low
    if "oauth token" in low and (rejected := _REJECTED_LOGIN.search(low)) is not None:
        return Sign(Cause.CREDENTIAL_REJECTED, rejected.start(), rejected.end())
    for cause, gates, phrases in _GROUPS:
        for gate in gates:
            if gate in low:
                break
        else:
            continue
        for phrase in phrases:
            if phrase in low and not (phrase == "not found" and _NOT_THE_IMAGE.search(low)):
                position = low.find(phrase)
                return Sign(cause, position, position + len(phrase))
    if "EOF" in text.plain and (end := _LONE_EOF.search(text.plain)) is not None:
        return Sign(Cause.NETWORK, end.start(), end.end())
    return None
