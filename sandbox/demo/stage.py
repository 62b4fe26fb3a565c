"""The stage: the world and a function host with the app, started for one story and taken down after it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from sandbox.deployment import make_queues
from sandbox.frame.certificates import Certificates
from sandbox.host.launcher import HostProcess
from sandbox.world import World

ROOT = Path(__file__).parents[2]


class Stage(msgspec.Struct, frozen=True):
    """What a story plays on.

    Attributes:
        host: the function host; `another_host` gives more on the same queues.
    """

    world: World
    host: HostProcess
    folder: Path
    settings: Mapping[str, str]
    options: Sequence[str]

    async def get(self, path: str) -> Any:
        """Ask the app, with the function key: `incidents`, `incidents/{id}`."""
        headers = {"x-functions-key": self.host.keys.function}
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
            session.get(f"{self.host.url}/api/{path}") as answer,
        ):
            return await answer.json(content_type=None)

    async def page(self, path: str) -> str:
        """A page of the console, as a script with the function key gets it: `incidents/{id}`."""
        headers = {"x-functions-key": self.host.keys.function}
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
            session.get(f"{self.host.url}/api/console", params={"to": path}) as answer,
        ):
            return await answer.text()

    def another_host(self, **settings: str) -> HostProcess:
        """One more instance of the app on the same storage, with the same keys and other settings; not started."""
        everything = {**self.settings, **settings}
        return HostProcess(ROOT, self.folder / "host", settings=everything, options=self.options)


@asynccontextmanager
async def stage(  # noqa: PLR0913 - what a story may choose, each by name
    folder: Path,
    *,
    certificates: Certificates,
    storage: str,
    settings: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    policy_edit: Callable[[str], str] = str,
    registries: Sequence[str] = (),
    telemetry: bool = False,
) -> AsyncIterator[Stage]:
    """Everything started.

    Args:
        folder: gets the policy, `exchanges.jsonl` and the host's log and state.
        certificates: the authority of the world's services.
        storage: the connection string of the storage account.
        settings: more app settings.
        options: more options of the function host.
        policy_edit: makes the story's policy of the scenario's.
        registries: registries beside the scenario's.
        telemetry: have the app send its telemetry to the world's Application Insights.
    """
    exchanges = folder / "exchanges.jsonl"
    async with World(certificates=certificates, exchanges_file=exchanges, registries=registries) as world:
        policy = world.write_policy(folder / "policy.yaml")
        policy.write_text(policy_edit(policy.read_text(encoding="utf-8")), encoding="utf-8")
        await make_queues(storage)
        world.keep_dead_letters(storage)
        sent = world.telemetry() if telemetry else {}
        everything = {**world.environment(storage=storage, policy=policy), **sent, **(settings or {})}
        async with HostProcess(
            ROOT, folder / "host", settings=everything, options=options, log=folder / "host.log"
        ) as host:
            world.connect_host(host.url, function_key=host.keys.function, eventgrid_key=host.keys.eventgrid_extension)
            yield Stage(world, host, folder, everything, options)
