"""The stage: Azurite, the world and a function host with the app, started for one story and taken down after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from sandbox.frame.certificates import ensure_certificates
from sandbox.host.launcher import HostProcess
from sandbox.storage_emulator import StorageEmulator
from sandbox.world import World

ROOT = Path(__file__).parents[2]


class Stage(msgspec.Struct, frozen=True):
    """What the story plays on."""

    world: World
    host: HostProcess

    async def get(self, path: str) -> Any:
        """Ask the app, with the function key: `incidents`, `incidents/{id}`."""
        headers = {"x-functions-key": self.host.keys.function}
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
            session.get(f"{self.host.url}/api/{path}") as answer,
        ):
            return await answer.json(content_type=None)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Everything started; `folder` gets certificates, the policy, the exchange log and the host's log."""
    async with (
        StorageEmulator() as storage,
        World(
            certificates=ensure_certificates(folder / "certificates"), exchanges_file=folder / "exchanges.jsonl"
        ) as world,
    ):
        policy = world.write_policy(folder / "demo" / "policy.yaml")
        settings = world.environment(storage=storage.connection_string, policy=policy)
        log = folder / "demo" / "host.log"
        async with HostProcess(ROOT, folder / "demo" / "host", settings=settings, log=log) as host:
            world.connect_host(host.url, function_key=host.keys.function, eventgrid_key=host.keys.eventgrid_extension)
            yield Stage(world, host)
