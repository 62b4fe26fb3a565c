"""The app's settings as the .NET host sees them: names are case-insensitive, and `__` and `:` are one separator.

Python code in the app reads the same variables through `os.environ`, case-sensitively; a setting that only works in
one of the two readings is a mistake that this module makes visible instead of correcting.
"""

import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import msgspec

from sandbox.host.errors import BindingError, HostConfigurationError

_PLACEHOLDER = re.compile(r"%([^%]+)%")
_TRUE = frozenset({"true", "1"})


class AppSettings:
    """Settings of the app, by name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._values = {_normal(name): value for name, value in environment.items()}

    def get(self, name: str) -> str | None:
        """The value, or None when the setting does not exist."""
        return self._values.get(_normal(name))

    def below(self, section: str) -> dict[str, str]:
        """All values below a section (`AzureFunctionsJobHost`), by their lower-case path with `:` between its parts."""
        prefix = _normal(section) + ":"
        return {name.removeprefix(prefix): value for name, value in self._values.items() if name.startswith(prefix)}

    def resolve(self, text: str) -> str:
        """The text with each `%NAME%` replaced by that setting; raises `BindingError` for one that does not exist.

        `{…}` expressions, which the real host fills from the trigger's data, raise `BindingError` too: not emulated.
        """

        def value(match: re.Match[str]) -> str:
            found = self.get(match[1])
            if found is None:
                raise BindingError(f"'%{match[1]}%' does not resolve to a value.", hint=f"Add the setting {match[1]}.")
            return found

        resolved = _PLACEHOLDER.sub(value, text)
        if "{" in resolved:
            raise BindingError(f"The binding expression in '{text}' is not emulated by this host.")
        return resolved

    def is_disabled(self, function: str) -> bool:
        """Whether `AzureWebJobs.<function>.Disabled` (or with `_` for `.`, as Linux needs it) is true or 1."""
        for name in (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled"):
            value = self.get(name)
            if value is not None:
                return value.lower() in _TRUE
        return False


def load_local_settings(app: Path, environment: MutableMapping[str, str]) -> None:
    """Add the `Values` of `local.settings.json` to the environment; what is set there already wins, as in Core Tools.

    Raises:
        HostConfigurationError: the file is not JSON, is encrypted, or has a value that is not a string.
    """
    path = app / "local.settings.json"
    if not path.exists():
        return
    try:
        document: dict[str, Any] = msgspec.json.decode(
            path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=dict[str, Any]
        )
    except msgspec.DecodeError as error:
        raise HostConfigurationError(f"{path} is not a JSON object: {error}") from None
    if document.get("IsEncrypted"):
        raise HostConfigurationError(
            f"{path} is encrypted, which only Core Tools can read.", hint="func settings decrypt"
        )
    for name, value in document.get("Values", {}).items():
        if not isinstance(value, str):
            raise HostConfigurationError(f"{path}: Values.{name} is {value!r}; expected a string")
        environment.setdefault(name, value)


def _normal(name: str) -> str:
    return name.replace("__", ":").lower()
