"""A process that takes a rotation to its end with the real adapters, so that it can be killed between any two calls.

It is forked from a server that has imported everything already: what is tested is what a dead process leaves behind,
and not how long Python takes to start.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec

from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import Tables
from shared.adapters.tables.leases import TableLeases
from shared.application.assembly import Application, Patience, assemble
from shared.application.messages import RotationMessage
from shared.application.remediation import Pace
from shared.bootstrap import adapters, read_policy
from shared.domain.rotation import Rotation, Trigger
from shared.errors import TemporaryError
from shared.setting_reader import read_settings

_MOST_TRIES: Final = 200

for _module in (
    "azure.containerregistry.aio",
    "azure.data.tables.aio",
    "azure.identity.aio",
    "azure.keyvault.secrets.aio",
    "azure.mgmt.containerregistry.aio",
    "azure.mgmt.core.policies",
    "shared.adapters.arm",
    "shared.adapters.docker_hub",
    "shared.adapters.logs",
    "shared.adapters.queues",
    "shared.adapters.registry_content",
    "shared.adapters.sites",
    "shared.adapters.vault_access",
):
    import_module(_module)  # what the app imports on first use, once for all processes


class ShiftedClock:
    """The machine's time and some more; a grace period is leapt over."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC) + self._ahead

    def leap(self, to: datetime) -> None:
        """Be there now."""
        self._ahead += max(to - self.now(), timedelta(0))


def work(environment: dict[str, str], log: str, ahead_s: float, *, begin: bool) -> None:
    """Begin a rotation of the credential `hub` if wanted, and work until it is settled or waits for a person.

    Args:
        environment: what the app is configured with.
        log: the file for everything that the process says.
        ahead_s: how far its clock is ahead of the machine's, in seconds.
        begin: whether a person asks for a rotation first.
    """
    os.environ.update(environment)
    with Path(log).open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    asyncio.run(_work(ShiftedClock(timedelta(seconds=ahead_s)), begin=begin))
    sys.exit(0)


async def _work(clock: ShiftedClock, *, begin: bool) -> None:
    settings = read_settings(os.environ)
    policy = read_policy(Path(settings.policy))
    ports, closers = adapters(settings, policy, managed=True)
    tables = Tables(StorageAccount(settings.storage_connection))
    ports = msgspec.structs.replace(ports, clock=clock, leases=TableLeases(tables, clock))
    app = assemble(policy, ports, pace=Pace(), patience=Patience(adoption=0))
    try:
        if begin:
            await app.rotating.start("hub", Trigger.PERSON)
        await _finish(app, clock)
    finally:
        for close in (*closers, tables.aclose):
            await close()


async def _finish(app: Application, clock: ShiftedClock) -> None:
    before: Rotation | None = None
    for _ in range(_MOST_TRIES):
        try:
            await app.rotating.handle(RotationMessage("hub"))
        except TemporaryError as error:
            sys.stdout.write(f"{error.code}: {error}\n")
        latest = await app.rotating.latest("hub")
        assert latest is not None
        if latest.settled or latest == before:
            return
        before = latest if latest.not_before <= clock.now() else None
        clock.leap(latest.not_before)
    raise AssertionError("a rotation never ends")
