"""Cache rules and credential sets in Azure Resource Manager.

The traps: a PUT on a name that exists overwrites it silently, so every create reads first and refuses what differs; and
somebody else may have left a create running, whose end is then waited for instead of starting another. What runs on
after a write is in `arm_operations`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.arm_clients import ArmEndpoint, ArmReader, all_read, read_if_there, registry_clients
from shared.adapters.arm_documents import (
    is_same_name,
    is_same_rule,
    is_same_set,
    read_credential_set,
    read_rule,
    rule_of,
    set_of,
    write_attachment,
    write_credential_set,
    write_rule,
    write_secrets,
)
from shared.adapters.arm_ids import ResourceId
from shared.adapters.arm_ids import registry_id as parsed
from shared.adapters.arm_operations import RUNNING, ArmOperations
from shared.adapters.azure_errors import azure_call, together
from shared.application.registry_ports import OperationUntold, Registries
from shared.application.rotation_ports import CredentialSets
from shared.domain.cache_rules import CacheRule
from shared.domain.operations import Operation, is_rule, rule_resource, set_resource
from shared.domain.plans import AttachCredentialSet, CreateCacheRule, CreateCredentialSet
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.errors import CachewardenError, PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_FAILED: Final = frozenset({"Failed", "Canceled"})
_ONLY_ASK: Final[dict[str, Any]] = {"polling": False, "cls": lambda answer, _document, _headers: answer.http_response}
"""Options of the SDK's `begin_…`: send the request and hand out its answer; waiting is `ArmOperations`' matter."""


class ExistsOtherwise(PermanentError):
    """A cache rule or credential set of that name is there and is for something else."""

    code = "exists_otherwise"
    hint = "Somebody made it by hand; delete it, or give the app a policy under which it is not needed."


class RuleMissing(PermanentError):
    """The cache rule that should get a credential set is gone."""

    code = "cache_rule_missing"
    hint = "It was deleted while it was worked on; the next alert makes a new plan."


class ArmRegistries(Registries, CredentialSets):
    """Registries through ARM; clients are made on first use, closed by `aclose`."""

    def __init__(
        self,
        credential: "AsyncTokenCredential",
        *,
        endpoint: str = "https://management.azure.com",
        audience: str = "https://management.azure.com",
        poll_s: float = 0.5,
        patience_s: float = 180,
        **options: Any,
    ) -> None:
        """Nothing is sent yet.

        Args:
            credential: who asks; closed by its owner.
            endpoint: ARM's address.
            audience: what the tokens are made for.
            poll_s: seconds between two looks at an operation for which ARM asks for no wait of its own.
            patience_s: seconds until a call or a wait is given up for this time; ARM goes on with an operation.
            options: more options of the SDK's clients.
        """
        where = ArmEndpoint(endpoint, audience, options)
        self._clients = registry_clients(credential, where)
        self._reader = ArmReader(credential, where)
        self._operations = ArmOperations(self._reader, endpoint=endpoint, poll_s=poll_s)
        self._poll_s = poll_s
        self._patience_s = patience_s

    async def aclose(self) -> None:
        """Close the connections."""
        await self._clients.aclose()
        await self._reader.aclose()

    async def read(self, registry_id: str) -> RegistrySnapshot:
        """Rules and credential sets as they are now; `repositories` empty, `vault_access` None."""
        registry = parsed(registry_id)
        client = self._clients.of(registry.subscription)
        where = (registry.group, registry.name)
        async with azure_call(
            Outside.ARM_READ_REGISTRY, f"reading registry {registry.name}", deadline_s=self._patience_s
        ):
            found, rules, sets = await together(
                client.registries.get(*where),
                all_read(client.cache_rules.list(*where), read_rule),
                all_read(client.credential_sets.list(*where), read_credential_set),
            )
        return RegistrySnapshot(
            id=found.id, login_server=found.login_server, rules=tuple(rules), credential_sets=tuple(sets)
        )

    async def credential_set(self, registry_id: str, name: str) -> CredentialSet | None:
        """One credential set with its health, None when there is none."""
        registry = parsed(registry_id)
        async with azure_call(
            Outside.ARM_READ_CREDENTIAL_SET, f"reading credential set {name}", deadline_s=self._patience_s
        ):
            return await self._set(registry, name)

    async def create_credential_set(self, registry_id: str, action: CreateCredentialSet) -> Operation | None:
        """Create it; the operation that runs then, None when it is there.

        Raises:
            ExistsOtherwise: one of that name is there and differs.
        """
        registry, wanted = parsed(registry_id), set_of(action)
        client = self._clients.of(registry.subscription)
        async with azure_call(
            Outside.ARM_CREATE_CREDENTIAL_SET, f"creating credential set {wanted.name}", deadline_s=self._patience_s
        ):
            found = await self._settled(lambda: self._set(registry, wanted.name))
            if found is not None and not is_same_set(found, wanted):
                raise ExistsOtherwise(f"the credential set {wanted.name} exists and logs in to {found.login_server}")
            if found is not None and found.provisioning_state not in _FAILED:
                return None
            where = (registry.group, registry.name, wanted.name)
            sent = client.credential_sets.begin_create(*where, write_credential_set(wanted), **_ONLY_ASK)
            return await self._accepted(registry, set_resource(wanted.name), sent)

    async def create_cache_rule(self, registry_id: str, action: CreateCacheRule) -> Operation | None:
        """Create it; the operation that runs then, None when it is there.

        Raises:
            ExistsOtherwise: one of that name is there and differs.
        """
        registry, wanted = parsed(registry_id), rule_of(action)
        client = self._clients.of(registry.subscription)
        async with azure_call(
            Outside.ARM_CREATE_CACHE_RULE, f"creating cache rule {wanted.name}", deadline_s=self._patience_s
        ):
            found = await self._settled(lambda: self._rule(registry, wanted.name))
            if found is not None and not is_same_rule(found, wanted):
                raise ExistsOtherwise(f"the cache rule {wanted.name} exists and caches {found.source}")
            if found is not None and found.provisioning_state not in _FAILED:
                return None
            where = (registry.group, registry.name, wanted.name)
            sent = client.cache_rules.begin_create(*where, write_rule(wanted, registry_id), **_ONLY_ASK)
            return await self._accepted(registry, rule_resource(wanted.name), sent)

    async def attach_credential_set(self, registry_id: str, action: AttachCredentialSet) -> Operation | None:
        """Give a rule its credential set; the operation that runs then, None when the rule has it.

        Raises:
            RuleMissing: there is no such rule.
            ExistsOtherwise: the rule has another credential set, which is left alone.
        """
        registry = parsed(registry_id)
        client = self._clients.of(registry.subscription)
        async with azure_call(
            Outside.ARM_ATTACH_CREDENTIAL_SET,
            f"giving cache rule {action.rule} its credential set",
            deadline_s=self._patience_s,
        ):
            found = await self._settled(lambda: self._rule(registry, action.rule))
            if found is None:
                raise RuleMissing(f"there is no cache rule {action.rule}")
            if is_same_name(found.credential_set, action.credential_set):
                return None
            if found.credential_set is not None:
                raise ExistsOtherwise(f"the cache rule {action.rule} has the credential set {found.credential_set}")
            where = (registry.group, registry.name, action.rule)
            document = write_attachment(action.credential_set, registry_id)
            sent = client.cache_rules.begin_update(*where, document, **_ONLY_ASK)
            return await self._accepted(registry, rule_resource(action.rule), sent)

    async def point_credential_set(self, registry_id: str, name: str, username_secret: str, token_secret: str) -> None:
        """Have a set read these secrets, both at once, and wait for the end; the same ones again validate it anew."""
        registry = parsed(registry_id)
        client = self._clients.of(registry.subscription)
        async with azure_call(
            Outside.ARM_UPDATE_CREDENTIAL_SET, f"updating credential set {name}", deadline_s=self._patience_s
        ):
            await self._settled(lambda: self._set(registry, name))
            document = write_secrets(username_secret, token_secret)
            sent = client.credential_sets.begin_update(registry.group, registry.name, name, document, **_ONLY_ASK)
            operation = await self._accepted(registry, set_resource(name), sent)
        failure = None if operation is None else await self.until_ended(registry_id, operation)
        if failure is not None:
            raise failure

    async def until_ended(self, registry_id: str, operation: Operation) -> CachewardenError | None:
        """Wait for the end of an operation; what it failed of, None when it did not.

        Where ARM tells nothing about the operation, the state of the rule or set does.
        """
        registry = parsed(registry_id)
        async with azure_call(
            Outside.ARM_AWAIT_OPERATION, f"waiting for {operation.resource}", deadline_s=self._patience_s
        ):
            end = await self._operations.end(registry.subscription, operation)
            if end is not None:
                return end.failure
            name = operation.resource.rpartition("/")[2]
            found: CacheRule | CredentialSet | None
            if is_rule(operation.resource):
                found = await self._settled(lambda: self._rule(registry, name))
            else:
                found = await self._settled(lambda: self._set(registry, name))
            if found is None or found.provisioning_state not in _FAILED:
                return None
            return OperationUntold(f"{operation.resource} is {found.provisioning_state}, and Azure does not say why")

    async def _accepted(self, registry: ResourceId, resource: str, sent: Awaitable[Any]) -> Operation | None:
        answer = await (await sent).result()
        return self._operations.accepted(registry.subscription, resource, answer)

    async def _rule(self, registry: ResourceId, name: str) -> CacheRule | None:
        client = self._clients.of(registry.subscription)
        return await read_if_there(client.cache_rules.get(registry.group, registry.name, name), read_rule)

    async def _set(self, registry: ResourceId, name: str) -> CredentialSet | None:
        client = self._clients.of(registry.subscription)
        return await read_if_there(client.credential_sets.get(registry.group, registry.name, name), read_credential_set)

    async def _settled[T: (CacheRule, CredentialSet)](self, read: Callable[[], Awaitable[T | None]]) -> T | None:
        """What is there once no operation runs on it any more."""
        while True:
            found = await read()
            if found is None or found.provisioning_state not in RUNNING:
                return found
            await asyncio.sleep(self._poll_s)
