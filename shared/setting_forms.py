"""The forms that a setting's text may have, each with the sentence that an operator reads when it has another.

A form refuses rather than guesses: an address with a path or a user in it, or over plain HTTP, would send the app's
token where nobody meant it to go.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from shared.domain.durations import parse_duration

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SITE = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[\w.()-]{1,90}/providers/Microsoft\.Web/sites/[a-z0-9-]{2,60}",
    re.IGNORECASE | re.ASCII,
)
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]+)?", re.ASCII)
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")


class Form(msgspec.Struct, frozen=True):
    """How a setting's text is read.

    Attributes:
        expected: what is expected, completing "expected …".
        read: the value of a text; raises `ValueError` when it has another form.
    """

    expected: str
    read: Callable[[str], Any]


def _address(text: str) -> str:
    parts = urlsplit(text.rstrip("/"))
    plain = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme != "https" or not parts.hostname or not plain or (parts.port or 1) < 1:
        raise ValueError(text)
    return text.rstrip("/")


def _public_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        return "http" + _address("https" + text.removeprefix("http")).removeprefix("https")
    return _address(text)


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError(text)
        return text

    return read


def _one_of(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.upper() not in values:
            raise ValueError(text)
        return text.upper()

    return read


def _duration(least: timedelta, most: timedelta) -> Callable[[str], timedelta]:
    def read(text: str) -> timedelta:
        duration = parse_duration(text)
        if not least <= duration <= most:
            raise ValueError(text)
        return duration

    return read


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return read


def _connection_string(text: str) -> str:
    parts = [part.partition("=") for part in text.strip(";").split(";")]
    if not all(name and equals for name, equals, _ in parts):
        raise ValueError("malformed")  # the text itself would end in a log
    return text


def _networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(","))


SITE: Final = Form("the ARM id of a site: /subscriptions/…/providers/Microsoft.Web/sites/…", _matching(_SITE))
VERSION: Final = Form("a version, such as 1.2.3", _matching(_VERSION))
TEXT: Final = Form("a text", str)
FILE: Final = Form("the path of a file", str)
ADDRESS: Final = Form("an https address of scheme and host alone, such as https://management.azure.com", _address)
PUBLIC_ADDRESS: Final = Form(
    "an https address of scheme and host alone, such as https://cachewarden.contoso.com, or http on this machine",
    _public_address,
)
GUID: Final = Form("a GUID", _matching(_GUID))
ACCOUNT: Final = Form("the name of a storage account: 3 to 24 lower-case letters and digits", _matching(_ACCOUNT))
CONTAINER: Final = Form(
    "the name of a blob container: 3 to 63 lower-case letters, digits and single hyphens", _matching(_CONTAINER)
)
CONNECTION: Final = Form("a connection string: name=value pairs separated by semicolons", _connection_string)
PATIENCE: Final = Form("a duration of 1s to 4m, such as 90s", _duration(timedelta(seconds=1), timedelta(minutes=4)))
LONG_TIME: Final = Form("a duration of 1m to 30d, such as 1h", _duration(timedelta(minutes=1), timedelta(days=30)))
KEEPING_TIME: Final = Form("a duration of 1d to 3650d, such as 90d", _duration(timedelta(days=1), timedelta(days=3650)))
LEASE_SECONDS: Final = Form("a whole number from 1 to 600", _number(1, 600))
ALERT_BYTES: Final = Form("a whole number from 262144 to 768000", _number(262_144, 768_000))
NETWORKS: Final = Form("networks separated by commas, such as 10.1.0.0/16,127.0.0.0/8", _networks)
LEVEL: Final = Form("one of DEBUG, INFO, WARNING and ERROR", _one_of("DEBUG", "INFO", "WARNING", "ERROR"))
