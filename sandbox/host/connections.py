"""Turns the `connection` of a binding into a queue client: a connection string, or an identity and an address.

The lookup order is the real host's (IConfigurationExtensions.cs, StorageClientProvider.cs): `AzureWebJobs<name>`, then
`<name>`; a setting with a value is a connection string, a section (`<name>__queueServiceUri`, …) is identity-based.
The SDK is left to encode nothing: messages that can't be decoded must reach the host as they are, to be moved to the
poison queue.
"""

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from sandbox.host.errors import BindingError
from sandbox.host.settings import AppSettings

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient

DEFAULT_CONNECTION = "AzureWebJobsStorage"
_DEVELOPMENT = "UseDevelopmentStorage=true"
_storage_logger = logging.getLogger("Host.Storage")
_storage_logger.setLevel(logging.WARNING)
_CLIENT_OPTIONS: dict[str, Any] = {
    # Two retries within two seconds: listeners back off themselves, and the SDK's default would sleep for minutes.
    "retry_total": 2,
    "initial_backoff": 0,
    "increment_base": 1,
    "random_jitter_range": 0,
    # The SDK logs every request at INFO; under a logger of its own that is not taken for the app's own log.
    "logger": _storage_logger,
}


class ConnectionString(msgspec.Struct, frozen=True):
    """A connection with a secret of its own."""

    value: str


class IdentityConnection(msgspec.Struct, frozen=True):
    """A connection by Microsoft Entra identity.

    Attributes:
        client_id: the user-assigned identity; None is the system-assigned one.
        managed: whether only a managed identity will do; else `DefaultAzureCredential` looks for one.
    """

    queue_service: str
    client_id: str | None = None
    managed: bool = False


type Connection = ConnectionString | IdentityConnection


def find_connection(settings: AppSettings, name: str | None) -> Connection:
    """The connection of that name (None: AzureWebJobsStorage); raises `BindingError` when no setting defines it."""
    wanted = name or DEFAULT_CONNECTION
    names = [wanted] if wanted.lower().startswith("azurewebjobs") else [f"AzureWebJobs{wanted}", wanted]
    for candidate in names:
        value = settings.get(f"ConnectionStrings:{candidate}") or settings.get(candidate)
        if value:
            return ConnectionString(value)
        identity = _identity(settings.below(candidate))
        if identity is not None:
            return identity
    raise BindingError(
        f"Storage account connection string '{names[0]}' does not exist. Make sure that it is a defined App Setting.",
        hint=f"Set {names[-1]}, or {names[-1]}__queueServiceUri for an identity.",
    )


class QueueClients:
    """Queue clients by connection and queue name, each made once."""

    def __init__(self, settings: AppSettings) -> None:
        self._settings = settings
        self._clients: dict[tuple[str, str], QueueClient] = {}

    def get(self, connection: str | None, queue: str) -> "QueueClient":
        """The client of a queue; raises `BindingError` for a connection that does not exist or can't be read."""
        key = (connection or DEFAULT_CONNECTION, queue)
        if key not in self._clients:
            self._clients[key] = _client(find_connection(self._settings, connection), queue)
        return self._clients[key]

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()


def _identity(section: dict[str, str]) -> IdentityConnection | None:
    address = section.get("queueserviceuri") or section.get("serviceuri")
    account = section.get("accountname")
    if not address and account:
        address = f"https://{account}.queue.core.windows.net"
    if not address:
        return None
    managed = section.get("credential", "").lower() == "managedidentity"
    return IdentityConnection(address, client_id=section.get("clientid"), managed=managed)


def _client(connection: Connection, queue: str) -> "QueueClient":
    from azure.storage.queue.aio import QueueClient

    if isinstance(connection, IdentityConnection):
        from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

        client_id = connection.client_id
        credential = (
            ManagedIdentityCredential(client_id=client_id)
            if connection.managed
            else DefaultAzureCredential(managed_identity_client_id=client_id)
        )
        return QueueClient(connection.queue_service, queue, credential=credential, **_CLIENT_OPTIONS)
    if connection.value.strip().rstrip(";") == _DEVELOPMENT:
        raise BindingError(
            f"{_DEVELOPMENT} is not emulated: this Azurite chooses its ports.", hint="Use Azurite's connection string."
        )
    try:
        return QueueClient.from_connection_string(connection.value, queue, **_CLIENT_OPTIONS)
    except ValueError as error:
        raise BindingError(f"The connection string for the queue '{queue}' can't be read: {error}") from None
