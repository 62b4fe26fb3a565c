"""The doctor's rounds: all is well in a world that is, and each thing that is broken is named with what mends it."""

import shlex
from collections.abc import AsyncIterator

import msgspec
import pytest

from shared.application.doctor.findings import (
    Condition,
    Verdict,
)
from shared.application.ports import Position
from shared.domain.incidents import Incident, IncidentState
from shared.errors import TemporaryError
from tests.fakes.application import WORKSPACE
from tests.fakes.rotation import RotatingApplication
from tests.fakes.stores import MemoryIncidents
from tests.unit.application.doctor.breaking import examined
from tests.unit.application.doctor.broken_systems import SYSTEMS
from tests.unit.application.doctor.broken_wiring import WIRING

BROKEN = SYSTEMS | WIRING


class TestRounds:
    """Everything that the policy names."""

    async def test_all_is_well(self, world: RotatingApplication) -> None:
        """Everything is looked at, everything is well, and nothing was changed."""
        before = len(world.registries.puts), len(world.queue.sent), dict(world.vaults.secrets)

        report = await examined(world)

        assert [one for one in report.findings if one.verdict is not Verdict.OK] == []
        assert report.condition is Condition.HEALTHY
        assert [one.what for one in report.findings] == [
            "identity",
            "clock",
            "versions",
            "provider Microsoft.ContainerRegistry",
            "provider Microsoft.EventGrid",
            "provider Microsoft.KeyVault",
            "storage",
            "queues",
            "registry contoso",
            "images of contoso",
            "network of contoso",
            "roles on contoso",
            "vault of hub",
            "roles on the vault of hub",
            "secret dockerhub-username of hub",
            "secret dockerhub-token of hub",
            "secret dockerhub-owner of hub",
            "token of hub",
            "credential sets of contoso",
            f"workspace {WORKSPACE}",
            "events of contoso",
            "events of resource group rg",
            "events of the vault of hub",
            "action group",
            "alert rules",
        ]
        assert (len(world.registries.puts), len(world.queue.sent), dict(world.vaults.secrets)) == before

    @pytest.mark.parametrize("name", BROKEN)
    async def test_what_is_broken_is_named_with_what_mends_it(self, world: RotatingApplication, name: str) -> None:
        """And every line that mends is one command."""
        break_it, what, verdict, seen, mend = BROKEN[name]
        break_it(world)

        found = {one.what: one for one in (await examined(world)).findings}[what]

        assert (found.verdict, found.mend) == (verdict, mend)
        assert seen in found.seen
        assert found.expected
        assert all("\n" not in line and shlex.split(line) for line in found.mend)

    async def test_everything_has_a_broken_world(self, world: RotatingApplication) -> None:
        """A check that no test breaks may as well always say yes."""
        tested = {what for _, what, *_ in BROKEN.values()}
        untested = {one.what for one in (await examined(world)).findings} - tested

        assert untested == {"versions", "storage", "provider Microsoft.KeyVault"}  # below, below, as the others

    async def test_without_the_storage_nothing_works(self, world: RotatingApplication) -> None:
        """Failing, whatever else is well."""
        world.incidents = BrokenIncidents()

        report = await world.another().doctor.examine()

        assert report.condition is Condition.FAILING
        assert [one.what for one in report.findings if one.verdict is Verdict.FAILING] == ["storage"]

    async def test_no_secret_is_told(self, world: RotatingApplication) -> None:
        """Neither the values of secrets nor the account's name."""
        told = msgspec.json.encode(await examined(world)).decode()

        values = [version.value for name in world.vaults.secrets for version in [world.vaults.current(name)]]
        assert values
        assert not [value for value in values if value in told]


class BrokenIncidents(MemoryIncidents):
    """A store that is down."""

    async def newest(
        self,
        limit: int,
        *,
        states: frozenset[IncidentState] = frozenset(),
        naming: str = "",
        before: Position | None = None,
    ) -> AsyncIterator[Incident]:
        """Trouble."""
        async for incident in super().newest(limit, states=states, naming=naming, before=before):
            yield incident
        raise TemporaryError("down", code="ServerBusy")
