"""The access keys of the host and what they open.

The rule that surprises: levels are not ordered. A system key opens its own extension's webhook and no function, a
function key opens functions and no webhook; only the master key opens everything, the admin API included.
Source: azure-functions-host, AuthenticationLevelHandler.cs and SecretManager.GetAuthorizationLevelAsync.
"""

import hmac
import secrets
import tempfile
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import msgspec
from aiohttp import web

from sandbox.host.errors import HostConfigurationError

_HEADER = "x-functions-key"
_PARAMETER = "code"


class KeyLevel(StrEnum):
    """What a request's key entitles to."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    SYSTEM = "system"
    ADMIN = "admin"


class HostKeys(msgspec.Struct, frozen=True):
    """The keys of an app.

    Attributes:
        function: the host's default function key, valid for every function.
        eventgrid_extension: the system key of the Event Grid webhook.
        functions: keys that open one function each, by its name; in Azure every function has such a key as well.
    """

    master: str
    function: str
    eventgrid_extension: str
    functions: dict[str, str] = {}

    def level(self, key: str, function: str = "") -> KeyLevel:
        """The level that a key has for a function; an unknown key counts as none."""
        if _same(key, self.master):
            return KeyLevel.ADMIN
        if _same(key, self.eventgrid_extension):
            return KeyLevel.SYSTEM
        own = {name.lower(): value for name, value in self.functions.items()}.get(function.lower(), "")
        if _same(key, self.function) or _same(key, own):
            return KeyLevel.FUNCTION
        return KeyLevel.ANONYMOUS


class Gatekeeper(msgspec.Struct, frozen=True):
    """Decides by a request's key; without authentication everybody is admin, as with a plain `func start`."""

    keys: HostKeys
    authenticate: bool = True

    def level(self, request: web.Request, function: str = "") -> KeyLevel:
        """The level of the request's key: the header wins over `?code=`, even when it is wrong."""
        if not self.authenticate:
            return KeyLevel.ADMIN
        key = request.headers.get(_HEADER)
        if key is None:
            key = request.query.get(_PARAMETER, "")
        return self.keys.level(key, function)

    def allows(self, request: web.Request, wanted: KeyLevel, function: str = "") -> bool:
        """Whether the request may do what asks for that level."""
        return wanted is KeyLevel.ANONYMOUS or self.level(request, function) in {wanted, KeyLevel.ADMIN}


def load_keys(path: Path) -> HostKeys:
    """The keys in the file; made, and readable for its owner only, when it does not exist. Two hosts may do so at once.

    Raises:
        HostConfigurationError: the file does not hold keys.
    """
    if not path.exists():
        _create(path)
    try:
        return msgspec.json.decode(path.read_bytes(), type=HostKeys)
    except msgspec.DecodeError as error:
        raise HostConfigurationError(f"{path} does not hold keys: {error}", hint="Delete the file.") from None


def _create(path: Path) -> None:
    """Write new keys beside the file and link them into place, so that nobody ever reads a half-written file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = HostKeys(master=_new_key(), function=_new_key(), eventgrid_extension=_new_key())
    with tempfile.NamedTemporaryFile(dir=path.parent) as file:  # mode 600
        file.write(msgspec.json.encode(keys))
        file.flush()
        with suppress(FileExistsError):  # another host was faster: its keys count
            path.hardlink_to(file.name)


def _new_key() -> str:
    return secrets.token_urlsafe(40)


def _same(given: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
