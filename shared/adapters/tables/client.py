"""Single-entity operations on Azure Tables with the promises of the ports: `Changed`, temporary, permanent.

The traps: a missing table and a missing entity are the same exception; a replacement of a deleted entity is 404 and not
412; and the first write to a fresh account finds no table, which is then made, once.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final

from shared.adapters.azure_errors import azure_call, error_code
from shared.adapters.clients import STORAGE_DEADLINE_S, storage_options
from shared.adapters.storage import StorageAccount
from shared.application.ports import Changed
from shared.telemetry.names import Outside

type Entity = Mapping[str, Any]

PARTITION: Final = "PartitionKey"
ROW: Final = "RowKey"


def written_at(entity: Any) -> datetime:
    """When an entity that was read was last written, as the service stamps it."""
    at: datetime = entity.metadata["timestamp"]
    return at


class Tables:
    """A storage account's tables, one client for all; made on first use, closed by `aclose`."""

    def __init__(self, account: StorageAccount, credential: Any = None) -> None:
        self._account = account
        self._credential = credential
        self._service: Any = None

    def table(self, name: str) -> "Table":
        """A table; it is made when something is first written to it."""
        return Table(self, name)

    def client(self, name: str) -> Any:
        """The SDK's client of a table."""
        return self.service().get_table_client(name)

    def service(self) -> Any:
        """The SDK's client of the account; the first call imports the SDK."""
        if self._service is None:
            self._service = self._connect()
        return self._service

    async def aclose(self) -> None:
        """Close the connections."""
        service, self._service = self._service, None
        if service is not None:
            await service.close()

    def _connect(self) -> Any:
        from azure.data.tables.aio import TableServiceClient

        if self._account.connection_string:
            return TableServiceClient.from_connection_string(self._account.connection_string, **storage_options())
        return TableServiceClient(self._account.table_uri or "", credential=self._credential, **storage_options())


class Table:
    """One table. An entity is a mapping with `PartitionKey`, `RowKey` and properties; its ETag is the record's mark."""

    def __init__(self, tables: Tables, name: str) -> None:
        self._tables = tables
        self._name = name

    async def get(self, partition: str, row: str) -> tuple[Entity, str] | None:
        """The entity and its ETag, None when there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        async with self._call(Outside.TABLES_READ):
            try:
                entity = await self._client.get_entity(partition, row)
            except ResourceNotFoundError:
                return None
        return entity, entity.metadata["etag"]

    async def insert(self, entity: Entity) -> str:
        """Store a new entity and answer its ETag; raises `Changed` when it exists."""
        from azure.core.exceptions import ResourceExistsError

        async with self._call(Outside.TABLES_WRITE):
            try:
                return await self._written(lambda client: client.create_entity(entity))
            except ResourceExistsError as error:
                if error_code(error) != "EntityAlreadyExists":
                    raise
                raise Changed(f"{self._name}/{entity[ROW]} exists") from error

    async def replace(self, entity: Entity, etag: str) -> str:
        """Replace the entity that still has this ETag and answer the new one; raises `Changed` when it has not."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
        from azure.data.tables import UpdateMode

        condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        async with self._call(Outside.TABLES_WRITE):
            try:
                written = await self._client.update_entity(entity, mode=UpdateMode.REPLACE, **condition)
            except (ResourceModifiedError, ResourceNotFoundError) as error:
                raise Changed(f"{self._name}/{entity[ROW]} was changed since it was read") from error
        return str(written["etag"])

    async def put(self, entity: Entity) -> None:
        """Store the entity, whatever was there."""
        from azure.data.tables import UpdateMode

        async with self._call(Outside.TABLES_WRITE):
            await self._written(lambda client: client.upsert_entity(entity, mode=UpdateMode.REPLACE))

    async def delete(self, partition: str, row: str, etag: str | None = None) -> None:
        """Delete the entity; one that is gone, or no longer has the ETag, is left alone."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        condition = {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        async with self._call(Outside.TABLES_DELETE):
            try:
                await self._client.delete_entity(partition, row, **condition)
            except (ResourceModifiedError, ResourceNotFoundError):
                return

    async def query(
        self, condition: str = "", values: Mapping[str, str] | None = None, *, select: tuple[str, ...] = ()
    ) -> AsyncIterator[tuple[Entity, str]]:
        """Entities and their ETags, page by page; `condition` is OData with `@names` that `values` fills in."""
        from azure.core.exceptions import ResourceNotFoundError

        listed = self._client.query_entities(condition, parameters=dict(values or {}), select=list(select) or None)
        pages = listed.by_page()
        while True:
            async with self._call(Outside.TABLES_LIST):
                try:
                    page = [entity async for entity in await anext(pages)]
                except (StopAsyncIteration, ResourceNotFoundError):
                    return
            for entity in page:
                yield entity, entity.metadata["etag"]

    @property
    def _client(self) -> Any:
        return self._tables.client(self._name)

    def _call(self, call: Outside) -> Any:
        self._tables.service()  # importing the SDK takes long on a cold instance, and is not the storage's delay
        return azure_call(call, f"{call.operation} on table {self._name}", deadline_s=STORAGE_DEADLINE_S)

    async def _written(self, write: Any) -> str:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return str((await write(self._client))["etag"])
        except ResourceNotFoundError as error:
            if error_code(error) != "TableNotFound":
                raise
        await self._create()
        return str((await write(self._client))["etag"])

    async def _create(self) -> None:
        from azure.core.exceptions import ResourceExistsError

        try:
            await self._client.create_table()
        except ResourceExistsError as error:
            if error_code(error) != "TableAlreadyExists":  # being deleted: that is for the caller to wait out
                raise
