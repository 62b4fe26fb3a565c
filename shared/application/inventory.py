"""The inventory: what is there today, read only, for a first policy. What may not be read becomes a note."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from shared.application.log_ports import Logs, TableMissing
from shared.application.ports import Clock
from shared.application.registry_ports import Registries, RegistryContent
from shared.domain.proposal.found import Found, FoundRegistry, SeenImage
from shared.errors import CachewardenError
from shared.queries import CONTAINER_IMAGES, SOURCES, LogSource, read_failures, seen_images
from shared.queries.rows import Row


class Clusters(Protocol):
    """Who may pull from a registry."""

    async def attached_clusters(self, registry_id: str) -> tuple[str, ...]:
        """The ids of the clusters whose identity may pull from a registry."""


class Inventory:
    """Looks at registries and workspaces."""

    def __init__(
        self,
        *,
        registries: Registries,
        content: RegistryContent,
        surroundings: Clusters,
        logs: Logs,
        clock: Clock,
    ) -> None:
        self._registries = registries
        self._content = content
        self._surroundings = surroundings
        self._logs = logs
        self._clock = clock
        self._notes: list[str] = []

    async def take(self, registry_ids: Sequence[str], workspaces: Sequence[str], *, last: timedelta) -> Found:
        """What is there; raises `CachewardenError` when a registry itself can't be read."""
        self._notes = []
        registries = [await self._registry(one) for one in dict.fromkeys(registry_ids)]
        seen = await asyncio.gather(*(self._images(one, last) for one in dict.fromkeys(workspaces)))
        return Found(
            tuple(registries),
            tuple(image for images in seen for image in images),
            tuple(workspaces),
            tuple(self._notes),
        )

    async def _registry(self, registry_id: str) -> FoundRegistry:
        snapshot = await self._registries.read(registry_id)
        name = snapshot.id.rpartition("/")[2]
        repositories = await self._noted(
            f"the repositories of {name}", self._content.repositories(snapshot.login_server), frozenset[str]()
        )
        attached = await self._noted(
            f"who may pull from {name}", self._surroundings.attached_clusters(registry_id), tuple[str, ...]()
        )
        return FoundRegistry(msgspec.structs.replace(snapshot, repositories=repositories), attached)

    async def _images(self, workspace: str, last: timedelta) -> list[SeenImage]:
        asked = (CONTAINER_IMAGES, *SOURCES)
        rows = await asyncio.gather(*(self._rows(workspace, source, last) for source in asked))
        by_name = {source.name: found for source, found in zip(asked, rows, strict=True)}
        failed = [
            SeenImage(one.diagnosis.image, one.resource_id, one.count, one.last_seen, failed=True)
            for one in read_failures(by_name)
            if one.diagnosis.image is not None
        ]
        return [*seen_images(by_name[CONTAINER_IMAGES.name]), *failed]

    async def _rows(self, workspace: str, source: LogSource, last: timedelta) -> Sequence[Row]:
        now = self._clock.now()

        async def ask() -> Sequence[Row]:
            try:
                return (await self._logs.query(workspace, source.query, start=now - last, end=now)).rows
            except TableMissing:
                return ()

        return await self._noted(f"{source.name} in workspace {workspace}", ask(), ())

    async def _noted[T](self, what: str, reading: Awaitable[T], otherwise: T) -> T:
        """What was read; where it can't be, the note says so and the proposal goes on without it."""
        try:
            return await reading
        except CachewardenError as error:
            self._notes.append(f"{what}: not looked at ({error.code})")
            return otherwise
