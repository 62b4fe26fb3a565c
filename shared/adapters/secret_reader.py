"""Secrets of Key Vaults, read only and kept for some minutes.

The traps: Key Vault throttles, and asking for an address with every notice would spend the same allowance that
rotations need; the SDK refuses a challenge whose resource is not the vault's own domain, which is right everywhere but
on a loopback address; and an error must not carry the secret's text.
"""

import ipaddress
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shared.adapters.azure_errors import azure_call
from shared.adapters.clients import client_options
from shared.application.secret_ports import SecretReader
from shared.errors import PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_KEPT_S: Final = 300.0
_DEADLINE_S: Final = 20.0


class SecretEmpty(PermanentError):
    """A secret is there and holds nothing."""

    code = "secret_empty"
    hint = "Write the value into the secret; the policy names it."


class VaultSecretReader(SecretReader):
    """Key Vault; a client per vault, made on first use, closed by `aclose`."""

    def __init__(self, credential: "AsyncTokenCredential", *, kept_s: float = _KEPT_S, **options: Any) -> None:
        self._credential = credential
        self._kept_s = kept_s
        self._options = options
        self._clients: dict[str, Any] = {}
        self._known: dict[tuple[str, str], tuple[str, float]] = {}

    def __repr__(self) -> str:
        """Without what it knows."""
        return "VaultSecretReader(…)"

    async def aclose(self) -> None:
        """Close the connections and forget everything."""
        clients, self._clients, self._known = self._clients, {}, {}
        for client in clients.values():
            await client.close()

    async def read(self, vault: str, name: str) -> str:
        """The secret's text, without surrounding white space, at most some minutes old.

        Raises:
            SecretEmpty: it holds nothing.
            PermanentError: there is none, or the app may not read it; `code` is Key Vault's own.
            TemporaryError: the vault is in trouble.
        """
        known = self._known.get((vault, name))
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        async with azure_call(Outside.KEY_VAULT_READ_SECRET, f"reading the secret {name}", deadline_s=_DEADLINE_S):
            secret = await self._client(vault).get_secret(name)
        text = (secret.value or "").strip()
        if not text:
            raise SecretEmpty(f"the secret {name} is empty")
        self._known[vault, name] = (text, time.monotonic() + self._kept_s)
        return text

    def forget(self, vault: str, name: str) -> None:
        """Read it anew next time."""
        self._known.pop((vault, name), None)

    def _client(self, vault: str) -> Any:
        if vault not in self._clients:
            from azure.keyvault.secrets.aio import SecretClient

            self._clients[vault] = SecretClient(
                vault,
                self._credential,
                verify_challenge_resource=not _is_loopback(urlsplit(vault).hostname or ""),
                **(client_options() | self._options),
            )
        return self._clients[vault]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
