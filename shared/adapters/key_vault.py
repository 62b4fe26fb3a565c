"""Key Vault's secrets.

The traps (observed, azure-keyvault-secrets 4.12.0): the client is told by the vault which resource to ask a token for,
and verifies that against the vault's address, without which a rogue endpoint would get a token; an update replaces the
tags as a whole; and an event about near expiry comes only for a version that has an end.
"""

import asyncio
import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shared.adapters.clients import client_options
from shared.adapters.key_vault_calls import SecretNameBlocked, codes_of, key_vault_call
from shared.application.rotation_ports import SecretDisabled, SecretVersion, Vaults
from shared.domain.rotation import CONTENT_TYPE
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


_FORBIDDEN: Final = 403
_RECOVERABLE: Final = "ObjectIsDeletedButRecoverable"
_ON_ITS_WAY: Final = frozenset({"ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})


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

    def __init__(self, credential: "AsyncTokenCredential", *, poll_s: float = 1.0, **options: Any) -> None:
        """Nothing is sent yet.

        Args:
            credential: who asks; closed by its owner.
            poll_s: seconds between two looks at a secret that is being recovered.
            options: more options of the SDK's clients.
        """
        self._credential = credential
        self._poll_s = poll_s
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

        async with key_vault_call(Outside.KEY_VAULT_READ_SECRET, f"reading the secret {name}", vault, "get"):
            try:
                found = await self._client(vault).get_secret(name, version or None)
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if "SecretDisabled" in codes_of(error):
                    raise SecretDisabled(f"the secret {name} is disabled") from error
                raise
        return _version(found)

    async def write(
        self, vault: str, name: str, value: str, *, tags: Mapping[str, str], expires_on: datetime | None
    ) -> SecretVersion:
        """Write a new version; a name in soft delete is recovered first; raises `SecretNameBlocked`.

        Key Vault refuses to write a secret that is deleted, and for seconds one that is being purged or was just
        recovered, though it can be read by then (observed, azure-sdk-for-net#31581 and #26027).
        """
        from azure.core.exceptions import ResourceExistsError

        client = self._client(vault)
        async with key_vault_call(
            Outside.KEY_VAULT_WRITE_SECRET, f"writing the secret {name}", vault, "get set recover"
        ):
            while True:
                try:
                    made = await client.set_secret(
                        name, value, tags=dict(tags), expires_on=expires_on, content_type=CONTENT_TYPE
                    )
                except ResourceExistsError as error:
                    if _RECOVERABLE in codes_of(error):
                        await self._recover(client, name)
                    elif codes_of(error) & _ON_ITS_WAY:
                        await asyncio.sleep(self._poll_s)
                    else:
                        raise
                else:
                    return _version(made)

    async def recover(self, vault: str, name: str) -> bool:
        """Take a secret out of soft delete and wait until it is there; False when none waits there.

        Raises:
            SecretNameBlocked: one waits there, and this app may not recover it.
        """
        async with key_vault_call(
            Outside.KEY_VAULT_RECOVER_SECRET, f"recovering the secret {name}", vault, "get set recover"
        ):
            return await self._recover(self._client(vault), name)

    async def _recover(self, client: Any, name: str) -> bool:
        from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

        try:
            await client.recover_deleted_secret(name, _polling_interval=self._poll_s)
        except ResourceNotFoundError:
            return False
        except HttpResponseError as error:
            if error.status_code == _FORBIDDEN:
                raise SecretNameBlocked(f"the secret {name} is deleted, and may not be recovered from here") from error
            raise
        return True

    async def disable(self, vault: str, name: str, version: str) -> None:
        """Disable a version; one that is gone is left alone."""
        from azure.core.exceptions import ResourceNotFoundError

        async with key_vault_call(
            Outside.KEY_VAULT_DISABLE_SECRET, f"disabling a version of the secret {name}", vault, "get set recover"
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
