"""Key Vault's secrets.

The traps (observed, azure-keyvault-secrets 4.12.0): the client is told by the vault which resource to ask a token for,
and verifies that against the vault's address, without which a rogue endpoint would get a token; an update replaces the
tags as a whole; and an event about near expiry comes only for a version that has an end.
"""

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shared.adapters.azure_errors import azure_call
from shared.adapters.clients import client_options
from shared.application.rotation_ports import SecretDisabled, SecretVersion, Vaults
from shared.domain.rotation import CONTENT_TYPE
from shared.errors import PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_DEADLINE_S: Final = 30.0


class SecretNameBlocked(PermanentError):
    """The secret's name belongs to a secret in soft delete."""

    code = "secret_name_blocked"
    hint = "Recover the deleted secret, or purge it, and try again."


def is_loopback(vault: str) -> bool:
    """Whether a vault's address is on this machine: only there a challenge is believed without verification."""
    host = urlsplit(vault).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class KeyVaults(Vaults):
    """Key Vault; a client per vault is made on first use, all closed by `aclose`."""

    def __init__(self, credential: "AsyncTokenCredential", **options: Any) -> None:
        self._credential = credential
        self._options = options
        self._clients: dict[str, Any] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    async def read(self, vault: str, name: str, version: str = "") -> SecretVersion | None:
        """A version, the current one by default; None when there is none; raises `SecretDisabled`."""
        from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

        async with azure_call(Outside.KEY_VAULT_READ_SECRET, f"reading the secret {name}", deadline_s=_DEADLINE_S):
            try:
                found = await self._client(vault).get_secret(name, version or None)
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if "SecretDisabled" in _codes(error):
                    raise SecretDisabled(f"the secret {name} is disabled") from error
                raise
        return _version(found)

    async def write(
        self, vault: str, name: str, value: str, *, tags: Mapping[str, str], expires_on: datetime | None
    ) -> SecretVersion:
        """Write a new version; raises `SecretNameBlocked`."""
        from azure.core.exceptions import ResourceExistsError

        async with azure_call(Outside.KEY_VAULT_WRITE_SECRET, f"writing the secret {name}", deadline_s=_DEADLINE_S):
            try:
                made = await self._client(vault).set_secret(
                    name, value, tags=dict(tags), expires_on=expires_on, content_type=CONTENT_TYPE
                )
            except ResourceExistsError as error:
                raise SecretNameBlocked(f"the secret {name} is deleted and can be recovered") from error
        return _version(made)

    async def disable(self, vault: str, name: str, version: str) -> None:
        """Disable a version; one that is gone is left alone."""
        from azure.core.exceptions import ResourceNotFoundError

        async with azure_call(
            Outside.KEY_VAULT_DISABLE_SECRET, f"disabling a version of the secret {name}", deadline_s=_DEADLINE_S
        ):
            try:
                await self._client(vault).update_secret_properties(name, version, enabled=False)
            except ResourceNotFoundError:
                return

    def _client(self, vault: str) -> Any:
        if vault not in self._clients:
            from azure.keyvault.secrets.aio import SecretClient

            self._clients[vault] = SecretClient(
                vault,
                self._credential,
                verify_challenge_resource=not is_loopback(vault),
                **(client_options() | self._options),
            )
        return self._clients[vault]


def _version(found: Any) -> SecretVersion:
    properties = found.properties
    return SecretVersion(
        version=properties.version,
        value=found.value or "",
        created_on=properties.created_on,
        expires_on=properties.expires_on,
        tags=dict(properties.tags or {}),
    )


def _codes(error: Any) -> set[str]:
    """The service's code and the one inside it."""
    parsed = getattr(error, "error", None)
    inner = getattr(parsed, "innererror", None) or {}
    return {str(getattr(parsed, "code", "")), str(inner.get("code", "") if isinstance(inner, dict) else inner)}
