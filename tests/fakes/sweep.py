"""The last runs of chores in memory, and an archive over the other stores in memory."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from shared.application.sweep_ports import Archive, ChoreRun, ChoreRuns, Kept
from tests.fakes.azure import Troubled


class MemoryChoreRuns(ChoreRuns):
    """Runs in memory."""

    def __init__(self) -> None:
        self._runs: dict[str, ChoreRun] = {}

    async def last(self, chore: str) -> ChoreRun | None:
        """The last run, None when there was none."""
        return self._runs.get(chore)

    async def record(self, run: ChoreRun) -> None:
        """Keep a run in the place of the last one."""
        self._runs[run.chore] = run


class Prunable(Protocol):
    """A store that can forget."""

    async def prune(self, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""


class MemoryArchive(Troubled, Archive):
    """Prunes stores in memory; a kind without a store has nothing to forget."""

    def __init__(self, stores: Mapping[Kept, Prunable]) -> None:
        super().__init__()
        self._stores = stores

    async def prune(self, what: Kept, before: datetime, most: int) -> int:
        """Forget what was last changed before a time, at most so many records, and say how many it were."""
        self._called(what)
        store = self._stores.get(what)
        return 0 if store is None else await store.prune(before, most)
