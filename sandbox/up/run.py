"""Runs the app with the whole sandbox around it, until Ctrl-C.

Everything listens on free loopback ports and writes below one folder, so several checkouts run at once; `sandbox.json`
in that folder says where everything is, and is there only while it runs.
"""

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from sandbox.core_tools import CoreToolsProcess, find_core_tools
from sandbox.deployment import make_queues
from sandbox.frame.certificates import ensure_certificates
from sandbox.host.errors import HostError
from sandbox.host.keys import HostKeys
from sandbox.host.launcher import HostProcess
from sandbox.ports import free_port
from sandbox.storage_emulator import StorageEmulator, StorageEmulatorError
from sandbox.world import World

_ROOT: Final = Path(__file__).parents[2]
type AppHost = HostProcess | CoreToolsProcess


class AlreadyUpError(Exception):
    """Another sandbox runs in the same folder."""


class _Identity(msgspec.Struct, frozen=True):
    endpoint: str
    header: str
    person: str


class SandboxFile(msgspec.Struct, frozen=True, kw_only=True):
    """`var/sandbox.json`: addresses, the host's keys, and the authority to trust.

    Attributes:
        identity: the managed-identity endpoint, its secret header, and the client id of a person who may look.
        azurite: the connection string of the storage account.
        ca: the path of the authority's certificate.
    """

    host: str
    keys: HostKeys
    arm: str
    vault: str
    logs: str
    hub: str
    hub_auth: str
    hub_registry: str
    registry: str
    identity: _Identity
    control: str
    azurite: str
    ca: str


def main() -> int:
    """Run until a signal; 0 after a clean stop, 1 when something could not start or died."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.up", description="The app with the whole sandbox around it, until Ctrl-C."
    )
    parser.add_argument("--folder", type=Path, default=_ROOT / "var", help="where everything is written; var")
    parser.add_argument("--app", type=Path, default=_ROOT, help="the folder with function_app.py")
    parser.add_argument(
        "--alert-every",
        type=float,
        default=5.0,
        metavar="S",
        help="seconds between evaluations of alert rules; 0: never",
    )
    parser.add_argument(
        "--mode", choices=("observe", "approve", "enforce"), default="enforce", help="the policy's mode; enforce"
    )
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("sandbox").setLevel(logging.INFO)
    folder: Path = arguments.folder.resolve()
    try:
        with _only_one(folder):
            asyncio.run(_run(folder, arguments.app.resolve(), arguments.alert_every, arguments.mode))
    except asyncio.CancelledError:
        return 0
    except (AlreadyUpError, HostError, StorageEmulatorError) as error:
        print(error, file=sys.stderr)
        return 1
    return 1


async def _run(folder: Path, app: Path, alert_every: float, mode: str) -> None:
    _stop_on_signals()
    certificates = ensure_certificates(folder / "certificates")
    print("Starting Azurite, the emulators and the function host …", flush=True)
    async with StorageEmulator() as storage, World(certificates=certificates) as world:
        policy = world.write_policy(folder / "up" / "policy.yaml", mode=mode)
        await make_queues(storage.connection_string)
        port = free_port()
        address = {"CACHEWARDEN_PUBLIC_ADDRESS": f"http://127.0.0.1:{port}"}
        settings = world.environment(storage=storage.connection_string, policy=policy) | address
        world.keep_dead_letters(storage.connection_string)
        async with _host(app, folder / "up", settings, port) as host:
            world.connect_host(host.url, function_key=host.keys.function, eventgrid_key=host.keys.eventgrid_extension)
            with _announced(folder / "sandbox.json", _described(world, host, storage)):
                try:
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(storage.watch())
                        tasks.create_task(_died(host))
                        if alert_every > 0:
                            tasks.create_task(world.monitor.run(alert_every))
                except* (HostError, StorageEmulatorError) as errors:
                    raise errors.exceptions[0] from None


def _stop_on_signals() -> None:
    """Cancel the calling task at the first Ctrl-C or SIGTERM, whatever it does; later ones change nothing."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping and task is not None:
            stopping = True
            print("Stopping …", flush=True)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


async def _died(host: AppHost) -> None:
    code = await host.wait()
    raise HostError(f"The function host ended with exit code {code}:\n{host.log[-4000:]}")


def _host(app: Path, folder: Path, settings: dict[str, str], port: int) -> AppHost:
    log = folder / "host.log"
    log.unlink(missing_ok=True)
    program = find_core_tools()
    if program is not None:
        return CoreToolsProcess(program, app, settings=settings, port=port, log=log)
    return HostProcess(app, folder / "host", settings=settings, options=("--port", str(port)), log=log)


def _described(world: World, host: AppHost, storage: StorageEmulator) -> SandboxFile:
    urls = world.urls
    return SandboxFile(
        host=host.url,
        keys=msgspec.structs.replace(host.keys, functions={}),
        arm=urls.arm,
        vault=urls.vault,
        logs=urls.logs,
        hub=urls.hub,
        hub_auth=urls.hub_auth,
        hub_registry=urls.hub_registry,
        registry=urls.registry,
        identity=_Identity(urls.identity, world.identity_service.header, world.person.client_id),
        control=urls.control,
        azurite=storage.connection_string,
        ca=str(world.certificates.ca),
    )


@contextmanager
def _announced(path: Path, file: SandboxFile) -> Iterator[None]:
    """Write the file in one step, for its owner only as it holds keys; print it; delete it in the end."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    document = msgspec.to_builtins(file)
    del document["keys"]["functions"]
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    new.replace(path)
    for name in ("host", "arm", "vault", "logs", "hub", "hub_auth", "hub_registry", "registry", "control", "ca"):
        print(f"  {name:13}{document[name]}")
    print(f"  {'console':13}{document['host']}/api/console/overview asks for the key `function`")
    print(
        f"Keys and the rest are in {path}; sandbox/README.md says what can be done with it. Ctrl-C stops.", flush=True
    )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUpError(f"A sandbox is up in {folder} already; stop it, or use --folder.") from None
        yield
