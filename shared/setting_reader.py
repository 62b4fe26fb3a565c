"""Reads the app's settings: ordinary Functions app settings, read once, all of them checked before anything is done.

The traps: one wrong setting at a time costs an operator a deployment each, so all wrong ones are named at once; and a
misspelt name is silently a default, so an unknown `CACHEWARDEN_…` is an error that suggests the nearest name.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from shared.errors import PermanentError
from shared.settings import STORAGE, Settings, described

_PREFIX = "CACHEWARDEN_"


class SettingsInvalid(PermanentError):
    """App settings are missing or have a form that can't be read.

    Attributes:
        problems: one sentence for each.
    """

    code = "settings_invalid"
    hint = "Correct the app settings that the message names; docs/reference/settings.md describes each."

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("the app settings are not valid:" + "".join(f"\n- {problem}" for problem in problems))


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of an environment; an empty value counts as unset.

    Raises:
        SettingsInvalid: with everything that is wrong.
    """
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    values, problems = _read(given)
    problems += _unknown(given)
    problems += _storage_problems(values, given)
    if problems:
        raise SettingsInvalid(tuple(problems))
    return Settings(**_with_addresses(values))


def arm_of(environ: Mapping[str, str]) -> tuple[str, str]:
    """Address and audience of Azure Resource Manager alone, for whoever has no other settings yet.

    Raises:
        SettingsInvalid: one of the two has another form.
    """
    return _pair(environ, "arm")


def logs_of(environ: Mapping[str, str]) -> tuple[str, str]:
    """The same of Log Analytics."""
    return _pair(environ, "logs")


def _pair(environ: Mapping[str, str], system: str) -> tuple[str, str]:
    fields = (f"{system}_endpoint", f"{system}_audience")
    names = [described()[field][0].name for field in fields]
    values, problems = _read({name: text for name in names if (text := environ.get(name, "").strip())})
    if told := tuple(problem for problem in problems if problem.startswith(tuple(names))):
        raise SettingsInvalid(told)
    defaults = dict(zip(reversed(Settings.__struct_fields__), reversed(Settings.__struct_defaults__), strict=False))
    endpoint, audience = (str(values.get(field, defaults[field])) for field in fields)
    return endpoint, audience


def _read(given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field, (setting, description) in described().items():
        text = given.get(setting.name)
        if text is None:
            if field == "policy":
                problems.append(f"{setting.name} is not set; expected {setting.form.expected}. {description}")
            continue
        try:
            values[field] = setting.form.read(text)
        except ValueError:
            shown = "its value (not shown)" if setting.secret else repr(text)
            problems.append(f"{setting.name} is {shown}; expected {setting.form.expected}")
    return values, problems


def _unknown(given: Mapping[str, str]) -> list[str]:
    known = [setting.name for setting, _ in described().values()]
    problems = []
    for name in sorted(given):
        if name.upper().startswith(_PREFIX) and name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.5)
            problems.append(f"{name} is no setting of this app" + (f"; did you mean {near[0]}?" if near else ""))
    return problems


def _storage_problems(values: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    forms_given = [name for name in given if name == STORAGE or name.startswith(f"{STORAGE}__")]
    if not forms_given:
        return [f"{STORAGE} is not set; expected a connection string, or {STORAGE}__accountName with an identity"]
    services = {"storage_table_uri", "storage_queue_uri", "storage_blob_uri"}
    by_identity = "storage_account" in values or services <= values.keys()
    if "storage_connection" in values or by_identity or STORAGE in given:
        return []
    addresses = "__tableServiceUri, __queueServiceUri and __blobServiceUri together"
    return [f"{STORAGE}__accountName is not set; expected it, or {addresses}"]


def _with_addresses(values: dict[str, Any]) -> dict[str, Any]:
    """The addresses of the services written out where only the account's name was given."""
    account = values.get("storage_account")
    if account and "storage_connection" not in values:
        for service in ("table", "queue", "blob"):
            values.setdefault(f"storage_{service}_uri", f"https://{account}.{service}.core.windows.net")
    return values
