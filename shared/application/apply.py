"""Applying a plan: one action after the other, each safe to repeat.

What an action leaves half-done is found by the next survey or told by the operation that it began, so there is no undo.
An action that is refused for good takes down only what needs it; trouble that may pass stops the run, and the next one
goes on there.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import stamina

from shared.application.audit import POLICY, Audit
from shared.application.operations import Journal, Operations
from shared.application.registry_ports import Registries, VaultAccess
from shared.application.survey import Survey
from shared.domain.operations import Operation, changed_by, needed_set, set_resource
from shared.domain.plans import (
    Action,
    AttachCredentialSet,
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
    Plan,
)
from shared.domain.policy import Policy
from shared.domain.registries import CredentialSet
from shared.errors import PermanentError, TemporaryError
from shared.telemetry import get_logger
from shared.telemetry.instruments import ACTIONS
from shared.telemetry.metrics import counted
from shared.telemetry.names import Work
from shared.telemetry.spans import traced, working

_log = get_logger(__name__)


class CredentialUnhealthy(TemporaryError):
    """ACR can't use the credential set: it may not read the secrets yet, or Docker Hub refuses what it read."""

    code = "credential_unhealthy"
    hint = (
        "Look at the credential set's health in the portal: its identity needs Key Vault Secrets User on both secrets, "
        "and the secrets must hold an account name and a token that Docker Hub accepts."
    )


class Applied(msgspec.Struct, frozen=True):
    """What a run did.

    Attributes:
        done: the actions that were carried out.
        refused: `cacheRules/<name>` or `credentialSets/<name>` → why it can't be made; so is everything that needs it.
    """

    done: tuple[Action, ...] = ()
    refused: dict[str, PermanentError] = {}


class Applier:
    """Carries out the actions of a plan."""

    def __init__(  # noqa: PLR0913 - the ports that it uses, each by name
        self,
        *,
        policy: Policy,
        survey: Survey,
        registries: Registries,
        vault_access: VaultAccess,
        operations: Operations,
        audit: Audit,
        health_patience: float,
    ) -> None:
        self._policy = policy
        self._survey = survey
        self._registries = registries
        self._vault_access = vault_access
        self._operations = operations
        self._audit = audit
        self._health_patience = health_patience

    @traced(Work.APPLY)
    async def apply(
        self,
        registry_id: str,
        plan: Plan,
        *,
        still_ours: Callable[[], None],
        journal: Journal,
        by: str = POLICY,
    ) -> Applied:
        """Carry out a plan; `still_ours` is asked before each write and raises when the lease is lost.

        Who asked for it, `by`, goes into the audit trail. What failed already, by the journal, is not tried again.

        Raises:
            TemporaryError: an outside system is in trouble, or a credential set is not healthy in time.
        """
        done: list[Action] = []
        refused: dict[str, PermanentError] = {}
        healthy: set[str] = set()
        for action in plan.actions:
            resource, needs = changed_by(action), needed_set(action)
            known = journal.failed.get(resource) or (refused.get(set_resource(needs)) if needs else None)
            if known is not None:
                refused[resource] = known
                continue
            still_ours()
            try:
                if isinstance(action, CreateCacheRule | AttachCredentialSet) and needs and needs not in healthy:
                    await self._until_healthy(registry_id, needs)
                    healthy.add(needs)
                    still_ours()
                async with self._audited(registry_id, action, by):
                    still_ours()  # a worker may have been paused while it wrote the trail
                    await self._carry_out(registry_id, action, journal)
            except PermanentError as error:
                _log.warning("action.refused", action=action.__struct_config__.tag, code=error.code, text=str(error))
                refused[resource] = error
            else:
                name = resource.rpartition("/")[2]
                _log.info("action.done", action=action.__struct_config__.tag, name=name, why=action.why)
                done.append(action)
        return Applied(done=tuple(done), refused=refused)

    def _audited(self, registry_id: str, action: Action, by: str) -> AbstractAsyncContextManager[object]:
        """What a plan creates is not there before: that is why it is in the plan."""
        after = msgspec.to_builtins(msgspec.structs.replace(action, why=""))
        kind = after.pop("kind")
        before = {"credential_set": None} if isinstance(action, AttachCredentialSet) else None
        resource = f"{registry_id}/{changed_by(action)}"
        return self._audit.change(kind, resource, by=by, why=action.why, before=before, after=after)

    async def _carry_out(self, registry_id: str, action: Action, journal: Journal) -> None:
        kind = str(action.__struct_config__.tag)
        with working(Work.ACTION, action=kind), counted(ACTIONS, action=kind):
            await self._write(registry_id, action, journal)

    async def _write(self, registry_id: str, action: Action, journal: Journal) -> None:
        begun: Operation | None = None
        match action:
            case CreateCredentialSet():
                begun = await self._registries.create_credential_set(registry_id, action)
            case GrantVaultAccess():
                await self._grant(registry_id, action)
            case CreateCacheRule():
                begun = await self._registries.create_cache_rule(registry_id, action)
            case AttachCredentialSet():
                begun = await self._registries.attach_credential_set(registry_id, action)
        if begun is not None:
            await self._operations.finish(registry_id, begun, journal.bearers.get(begun.resource))

    async def _grant(self, registry_id: str, action: GrantVaultAccess) -> None:
        credential_set = await self._existing(registry_id, action.credential_set)
        wanted = action.vault.rstrip("/").lower()
        credential = next(c for c in self._policy.credentials.values() if c.vault.rstrip("/").lower() == wanted)
        vault_id = await self._survey.vault_id(registry_id, credential)
        await self._vault_access.grant(vault_id, action.secrets, credential_set.principal_id)

    async def _existing(self, registry_id: str, name: str) -> CredentialSet:
        found = await self._registries.credential_set(registry_id, name)
        if found is None or not found.principal_id:
            raise TemporaryError(f"the credential set {name} has no identity yet", code="identity_pending")
        return found

    async def _until_healthy(self, registry_id: str, name: str) -> None:
        """Waits until ACR calls the set healthy; a grant takes up to minutes to reach the vault (documented)."""
        async for attempt in stamina.retry_context(
            on=wait_of, attempts=None, timeout=self._health_patience, wait_initial=0.2, wait_max=10, wait_jitter=0.2
        ):
            with attempt:
                credential_set = await self._existing(registry_id, name)
                if credential_set.healthy is not True:
                    raise CredentialUnhealthy(unhealthy_set(credential_set))


def unhealthy_set(credential_set: CredentialSet) -> str:
    """What ACR says is wrong with a credential set, in a sentence."""
    said = f"{credential_set.health_code} {credential_set.health_message}".strip()
    return f"the credential set {credential_set.name} is not healthy: {said or 'no verdict yet'}"


def wait_of(error: Exception) -> bool | float:
    """Whether to try again, and after how many seconds when the outside system asked for a wait."""
    if not isinstance(error, TemporaryError):
        return False
    return error.retry_after or True
