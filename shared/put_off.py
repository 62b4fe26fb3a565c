"""Messages while the app is out of order: they wait on their queues until its policy is mended.

The trap: the host gives a message five attempts within minutes and moves it to its poison queue, and one of a poison
queue gets five more and then no other, ever (observed). After an hour with a policy that is refused nothing that was
accepted before would be left to work on.
"""

import os
from typing import Any, Final

from shared.adapters.identity import AppIdentity, has_managed_identity
from shared.adapters.queues import StorageQueue
from shared.adapters.storage import StorageAccount
from shared.errors import PermanentError
from shared.setting_reader import read_settings
from shared.settings import Settings
from shared.telemetry import get_logger

_LATER_S: Final = 60

_log = get_logger(__name__)


async def put_off(queue: str, body: bytes, why: PermanentError) -> None:
    """Put a message that nobody can work on back on its queue, seen again in a minute.

    Raises:
        SettingsInvalid: it is the settings that are refused, so that nobody knows the queue.
        TemporaryError: the storage is in trouble.
    """
    settings = read_settings(os.environ)
    identity = storage_identity_of(settings, managed=has_managed_identity(os.environ))
    waiting = StorageQueue(storage_account_of(settings), identity)
    try:
        await waiting.send(queue, body, delay_s=_LATER_S)
    finally:
        await waiting.aclose()
        await identity.close()
    _log.error("message.put_off", queue=queue, code=why.code, text=str(why))


def storage_account_of(settings: Settings) -> StorageAccount:
    """Where the app's storage is."""
    return StorageAccount(
        settings.storage_connection,
        settings.storage_table_uri,
        settings.storage_queue_uri,
        settings.storage_blob_uri,
    )


def storage_identity_of(settings: Settings, *, managed: bool) -> Any:
    """Who signs in to the storage: the identity of its own that the settings name, else the app's."""
    return AppIdentity(managed=managed, client_id=settings.storage_client_id or settings.client_id)
