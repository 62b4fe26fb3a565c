"""The check-up: whether everything that a cure needs answers, for the person who wants to know why nothing happens.

It asks each outside system one small question, all at once and within a budget, and changes nothing. It costs calls, so
it is behind a key, unlike the liveness probe.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from functools import partial

import msgspec

from shared.application.ports import Clock, Incidents, Logs, Registries, RegistryContent, TableMissing, VaultAccess
from shared.domain.policy import Credential, Policy, RegistryPolicy
from shared.errors import CachewardenError
from shared.queries import SOURCES
from shared.telemetry import get_logger

BUDGET_S = 10.0
_NOBODY = "00000000-0000-0000-0000-000000000000"

_log = get_logger(__name__)


class Condition(StrEnum):
    """How well something is: all is well, something is amiss and the rest works, nothing can work."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"


class Finding(msgspec.Struct, frozen=True):
    """What one system answered.

    Attributes:
        what: `storage`, `registry contoso`, `images of contoso`, `vault of hub`, `workspace 1111…`.
        condition: healthy or failing.
        reason: `code: text. hint` when it is failing.
    """

    what: str
    condition: Condition
    reason: str = ""


class CheckupReport(msgspec.Struct, frozen=True):
    """Failing without the storage, degraded when anything else fails."""

    condition: Condition
    findings: tuple[Finding, ...]


class Checkup:
    """Asks every system that the policy names."""

    def __init__(  # noqa: PLR0913 - the ports that it asks, each by name
        self,
        *,
        policy: Policy,
        incidents: Incidents,
        registries: Registries,
        content: RegistryContent,
        vault_access: VaultAccess,
        logs: Logs,
        clock: Clock,
        budget_s: float = BUDGET_S,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._registries = registries
        self._content = content
        self._vault_access = vault_access
        self._logs = logs
        self._clock = clock
        self._budget_s = budget_s

    async def examine(self) -> CheckupReport:
        """Ask everything at once; whatever has not answered within the budget counts as failing."""
        findings = await asyncio.gather(*(self._ask(what, question) for what, question in self._questions().items()))
        worst = [finding for finding in findings if finding.condition is Condition.FAILING]
        if any(finding.what == "storage" for finding in worst):
            condition = Condition.FAILING
        else:
            condition = Condition.DEGRADED if worst else Condition.HEALTHY
        return CheckupReport(condition=condition, findings=tuple(findings))

    def _questions(self) -> dict[str, Callable[[], Awaitable[object]]]:
        asked: dict[str, Callable[[], Awaitable[object]]] = {"storage": self._storage}
        for registry in self._policy.registries:
            asked[f"registry {registry.name}"] = partial(self._registry, registry)
        for name, credential in self._policy.credentials.items():
            asked[f"vault of {name}"] = partial(self._vault, credential)
        for workspace in self._policy.sources.workspaces:
            asked[f"workspace {workspace}"] = partial(self._workspace, workspace)
        return asked

    async def _ask(self, what: str, question: Callable[[], Awaitable[object]]) -> Finding:
        try:
            async with asyncio.timeout(self._budget_s):
                await question()
        except CachewardenError as error:
            return Finding(what, Condition.FAILING, f"{error.code}: {error} {error.hint}".strip())
        except TimeoutError:
            return Finding(what, Condition.FAILING, f"timeout: no answer within {self._budget_s:g} s")
        except Exception as defect:  # noqa: BLE001 - one broken question must not hide the other answers
            _log.exception("checkup.broken", what=what)
            return Finding(what, Condition.FAILING, f"internal: {type(defect).__name__}")
        return Finding(what, Condition.HEALTHY)

    async def _storage(self) -> None:
        async for _ in self._incidents.newest(1):
            break

    async def _registry(self, registry: RegistryPolicy) -> None:
        """Its rules in ARM, then its data plane: a cure needs both."""
        found = await self._registries.read(registry.id)
        await self._content.repositories(found.login_server)

    async def _vault(self, credential: Credential) -> None:
        """Whether who may read its secrets can be seen, for nobody in particular."""
        subscription = self._policy.registries[0].id.split("/")[2]
        vault_id = credential.vault_id or await self._vault_access.vault_id(credential.vault, subscription)
        await self._vault_access.granted(vault_id, credential.secrets, _NOBODY)

    async def _workspace(self, workspace: str) -> None:
        now = self._clock.now()
        try:
            await self._logs.query(workspace, SOURCES[0].query, start=now - timedelta(minutes=1), end=now)
        except TableMissing:
            return
