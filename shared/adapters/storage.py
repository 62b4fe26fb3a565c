"""Where the app's storage account is, in the forms that the Functions host takes for `AzureWebJobsStorage`.

The app shares the host's account, so it has to understand every form of its setting: a connection string (developers,
Azurite) or the service's address with a managed identity (production, where account keys are switched off).
"""

import msgspec


class StorageAccount(msgspec.Struct, frozen=True):
    """A storage account: a connection string, or addresses that are used with a credential.

    Attributes:
        connection_string: with a key or a SAS; None when a credential is used.
        table_uri: the table service's address, `https://<account>.table.core.windows.net`; used with a credential.
        queue_uri: the queue service's address; used with a credential.
        blob_uri: the blob service's address; used with a credential.
    """

    connection_string: str | None = None
    table_uri: str | None = None
    queue_uri: str | None = None
    blob_uri: str | None = None

    def __repr__(self) -> str:
        """Without the connection string: it opens the account."""
        how = "connection string" if self.connection_string else f"{self.table_uri} {self.queue_uri}"
        return f"StorageAccount({how})"
