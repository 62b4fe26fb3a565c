"""Causes other than a limit, each by the words in which the runtimes and registries say it.

The order decides where a text says several things: a certificate that is not trusted is also "failed to do request", a
missing repository is "pull access denied, repository does not exist". What is more particular stands first.
"""

import re
from typing import NamedTuple

from shared.domain.diagnosis.model import Cause
from shared.domain.diagnosis.unwrapping import Text


class Sign(NamedTuple):
    """The words that decided."""

    cause: Cause
    start: int
    end: int


_WORDS: tuple[tuple[Cause, tuple[str, ...]], ...] = (
    (
        Cause.CREDENTIAL_REJECTED,
        (
            "access token is expired",
            "access token has expired",
            "token is expired",
            "token has expired",
            "token expired",
            "access token is revoked",
            "access token was revoked",
            "access token has been revoked",
            "token is revoked",
            "token revoked",
            "incorrect username or password",
            "invalid username or password",
            "invalid username/password",
            "incorrect username/password",
            "wrong username or password",
            "bad username or password",
            "invalid credentials",
            "credentials are invalid",
            "bad credentials",
            "authentication required with source registry",
        ),
    ),
    (
        Cause.TLS,
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
    (
        Cause.DENIED,
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
            "403 forbidden",
            "status code 403",
            "status code: 403",
            "status code 401",
            "status code: 401",
            "forbidden",
        ),
    ),
    (
        Cause.NETWORK,
        (
            "no such host",
            "server misbehaving",
            "name resolution",
            "name or service not known",
            "could not resolve host",
            "dns lookup",
        ),
    ),
    (
        Cause.NOT_FOUND,
        (
            "manifest unknown",
            "manifest_unknown",
            "name unknown",
            "name_unknown",
            "no such manifest",
            "no matching manifest",
            "does not exist",
            "404 not found",
            "status code 404",
            "status code: 404",
            ": not found",
            "not found: manifest",
            "not found in registry",
            "not found",
        ),
    ),
    (
        Cause.UPSTREAM_UNAVAILABLE,
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
    (
        Cause.NETWORK,
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
    for cause, phrases in _WORDS:
        for phrase in phrases:
            position = low.find(phrase)
            if position >= 0 and not (phrase == "not found" and _NOT_THE_IMAGE.search(low)):
                return Sign(cause, position, position + len(phrase))
    if "EOF" in text.plain and (end := _LONE_EOF.search(text.plain)) is not None:
        return Sign(Cause.NETWORK, end.start(), end.end())
    return None
