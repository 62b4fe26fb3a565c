"""Reads what `az acr … list -o json` prints, so that a plan can be made without any right in Azure.

The CLI flattens a resource's properties to the top level (seen with azure-cli 2.91.0), the REST API does not; files of
both kinds are at large, and both are read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.domain.cache_rules import CacheRule
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.registries import CredentialSet
from shared.errors import PermanentError

_REGISTRY: Final = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ContainerRegistry/registries/[A-Za-z0-9]{5,50}(?=/)",
    re.IGNORECASE | re.ASCII,
)


class AzFileInvalid(PermanentError):
    """A file is not what `az acr … list -o json` prints."""

    code = "az_file_invalid"
    hint = "Make it with az acr cache list, az acr credential-set list or az acr repository list, and -o json."


def read_rules(path: str) -> tuple[CacheRule, ...]:
    """The rules in the output of `az acr cache list`; raises `AzFileInvalid`."""
    return tuple(
        CacheRule(
            name=_text(entry, "name", where),
            source=_text(entry, "sourceRepository", where),
            target=_text(entry, "targetRepository", where),
            credential_set=_last_segment(entry.get("credentialSetResourceId")),
            provisioning_state=str(entry.get("provisioningState") or "Succeeded"),
        )
        for where, entry in _entries(path)
    )


def read_credential_sets(path: str) -> tuple[CredentialSet, ...]:
    """The sets in the output of `az acr credential-set list`; raises `AzFileInvalid`."""
    return tuple(_credential_set(where, entry) for where, entry in _entries(path))


def registry_of(path: str) -> str | None:
    """The ARM id of the registry that the entries of a file belong to, None where the file says nothing of it."""
    for _, entry in _entries(path):
        found = _REGISTRY.match(str(entry.get("id") or ""))
        if found is not None:
            return found[0]
    return None


def read_repositories(path: str) -> frozenset[str]:
    """The names in the output of `az acr repository list`; raises `AzFileInvalid`."""
    names = _list(path, _load(path))
    for number, name in enumerate(names):
        if not isinstance(name, str):
            raise AzFileInvalid(f"{path}[{number}]: found {_kind(name)}; expected the name of a repository")
    return frozenset(names)


def assumed_credential_sets(rules: tuple[CacheRule, ...]) -> tuple[CredentialSet, ...]:
    """The sets that the rules name, where nobody said which sets there are: they exist, and no more is known."""
    hosts = {rule.credential_set: rule.host for rule in rules if rule.credential_set}
    return tuple(CredentialSet(name, host, "", "") for name, host in hosts.items())


def _credential_set(where: str, entry: dict[str, Any]) -> CredentialSet:
    credentials = entry.get("authCredentials")
    first = credentials[0] if isinstance(credentials, list) and credentials else {}
    if not isinstance(first, dict):
        raise AzFileInvalid(f"{where}.authCredentials[0]: found {_kind(first)}; expected an object")
    health = _object(first.get("credentialHealth"))
    status = str(health.get("status") or "").lower()
    return CredentialSet(
        name=_text(entry, "name", where),
        login_server=_text(entry, "loginServer", where).lower(),
        username_secret=str(first.get("usernameSecretIdentifier") or ""),
        token_secret=str(first.get("passwordSecretIdentifier") or ""),
        principal_id=str(_object(entry.get("identity")).get("principalId") or ""),
        healthy={"healthy": True, "unhealthy": False}.get(status),
        health_code=str(health.get("errorCode") or ""),
        health_message=str(health.get("errorMessage") or ""),
        provisioning_state=str(entry.get("provisioningState") or "Succeeded"),
    )


def _entries(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each entry with its properties at the top level, and where it stands."""
    for number, entry in enumerate(_list(path, _load(path))):
        where = f"{path}[{number}]"
        if not isinstance(entry, dict):
            raise AzFileInvalid(f"{where}: found {_kind(entry)}; expected an object")
        yield where, {**entry, **_object(entry.get("properties"))}


def _load(path: str) -> Any:
    try:
        return read_json(Path(path).read_bytes())
    except OSError as error:
        raise AzFileInvalid(f"{path}: {error.strerror or error}") from error
    except JsonUnreadable as error:
        raise AzFileInvalid(f"{path}: found no JSON ({error}); expected a list") from error


def _list(path: str, document: Any) -> list[Any]:
    listed = document.get("value", document.get("repositories")) if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise AzFileInvalid(f"{path}: found {_kind(document)}; expected a list")
    return listed


def _text(entry: dict[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise AzFileInvalid(f"{where}.{key}: found {_kind(value)}; expected text")
    return value


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _last_segment(resource_id: Any) -> str | None:
    return resource_id.rstrip("/").rpartition("/")[2] or None if isinstance(resource_id, str) else None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
