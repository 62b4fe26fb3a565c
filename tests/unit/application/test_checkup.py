"""The check-up: what is asked, and what an answer that does not come means."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.application.checkup import Checkup, Condition, Finding
from shared.application.ports import Position
from shared.domain.incidents import Incident, IncidentState
from shared.domain.policy_file import load_policy
from shared.domain.registries import RegistrySnapshot
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import POLICY, REGISTRY, WORKSPACE, TestApplication
from tests.fakes.azure import FakeRegistries
from tests.fakes.stores import MemoryIncidents


class TestExamine:
    """`Checkup.examine`."""

    async def test_all_is_well(self) -> None:
        """Every system is asked, and nothing is changed."""
        world = TestApplication()

        report = await world.app.checkup.examine()

        assert report.condition is Condition.HEALTHY
        assert [finding.what for finding in report.findings] == [
            "storage",
            "registry contoso",
            "vault of hub",
            f"workspace {WORKSPACE}",
        ]
        assert world.registries.puts == []

    @pytest.mark.parametrize(
        ("port", "call", "what"),
        [
            ("registries", "read", "registry contoso"),
            ("content", "repositories", "registry contoso"),
            ("vault_access", "vault_id", "vault of hub"),
            ("logs", "query", f"workspace {WORKSPACE}"),
        ],
    )
    async def test_one_that_refuses(self, port: str, call: str, what: str) -> None:
        """Degraded, with its code and what to do; the others are told as well."""
        world = TestApplication()
        getattr(world, port).trouble[call] = [PermanentError("no role", code="Forbidden", hint="Give it one.")]

        report = await world.app.checkup.examine()

        assert report.condition is Condition.DEGRADED
        assert [finding for finding in report.findings if finding.condition is Condition.FAILING] == [
            Finding(what, Condition.FAILING, "Forbidden: no role Give it one.")
        ]

    async def test_without_the_storage_nothing_works(self) -> None:
        """Failing, whatever else is well."""
        world = TestApplication()
        world.incidents = BrokenIncidents()
        app = world.another()

        assert (await app.checkup.examine()).condition is Condition.FAILING

    async def test_an_answer_that_does_not_come(self) -> None:
        """The budget ends the wait, and a defect of ours is told by its type alone."""
        world = TestApplication()
        world.logs.trouble["query"] = [RuntimeError("holds a secret")]

        report = await Checkup(
            policy=load_policy(POLICY, path="policy.yaml"),
            incidents=world.incidents,
            registries=SilentRegistries(REGISTRY, world.vault_access),
            content=world.content,
            vault_access=world.vault_access,
            logs=world.logs,
            clock=world.clock,
            budget_s=0.05,
        ).examine()

        assert {finding.what: finding.reason for finding in report.findings if finding.reason} == {
            "registry contoso": "timeout: no answer within 0.05 s",
            f"workspace {WORKSPACE}": "internal: RuntimeError",
        }


class SilentRegistries(FakeRegistries):
    """ARM that never answers."""

    async def read(self, registry_id: str) -> RegistrySnapshot:
        """Wait for ever."""
        await asyncio.Event().wait()
        return await super().read(registry_id)


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
