"""Cache rules and credential sets in Azure Resource Manager.

The traps: a PUT on a name that exists overwrites it silently, so every create reads first and refuses what differs; a
worker that died may have left a create running, whose end is then waited for instead of starting another; and a failed
operation is an answer with status 200 (see `azure_errors`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.arm_clients import ArmEndpoint, registry_clients
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
from shared.adapters.azure_errors import azure_call, error_code, together
from shared.application.ports import Registries
from shared.application.rotation_ports import CredentialSets
from shared.domain.cache_rules import CacheRule
from shared.domain.plans import AttachCredentialSet, CreateCacheRule, CreateCredentialSet
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.errors import PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_RUNNING: Final = frozenset({"Creating", "Updating", "Deleting"})
_FAILED: Final = frozenset({"Failed", "Canceled"})


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
            patience_s: seconds until a create is given up for this time; ARM goes on with it.
            options: more options of the SDK's clients.
        """
        self._clients = registry_clients(credential, ArmEndpoint(endpoint, audience, options))
        self._poll_s = poll_s
        self._patience_s = patience_s

    async def aclose(self) -> None:
        """Close the connections."""
        await self._clients.aclose()

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
                _all(client.cache_rules.list(*where), read_rule),
                _all(client.credential_sets.list(*where), read_credential_set),
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

    async def create_credential_set(self, registry_id: str, action: CreateCredentialSet) -> CredentialSet:
        """Create it and wait for the end; one of that name that is there and differs is a `PermanentError`."""
        registry, wanted = parsed(registry_id), set_of(action)
        client = self._clients.of(registry.subscription)
        async with azure_call(
            Outside.ARM_CREATE_CREDENTIAL_SET, f"creating credential set {wanted.name}", deadline_s=self._patience_s
        ):
            found = await self._settled(lambda: self._set(registry, wanted.name))
            if found is not None and not is_same_set(found, wanted):
                raise ExistsOtherwise(f"the credential set {wanted.name} exists and logs in to {found.login_server}")
            if found is not None and found.provisioning_state not in _FAILED:
                return found
            poller = await client.credential_sets.begin_create(
                registry.group, registry.name, wanted.name, write_credential_set(wanted), polling_interval=self._poll_s
            )
            return read_credential_set(await poller.result())

    async def create_cache_rule(self, registry_id: str, action: CreateCacheRule) -> None:
        """Create it and wait for the end; one of that name that is there and differs is a `PermanentError`."""
        registry, wanted = parsed(registry_id), rule_of(action)
        client = self._clients.of(registry.subscription)
        async with azure_call(
            Outside.ARM_CREATE_CACHE_RULE, f"creating cache rule {wanted.name}", deadline_s=self._patience_s
        ):
            found = await self._settled(lambda: self._rule(registry, wanted.name))
            if found is not None and not is_same_rule(found, wanted):
                raise ExistsOtherwise(f"the cache rule {wanted.name} exists and caches {found.source}")
            if found is not None and found.provisioning_state not in _FAILED:
                return
            document = write_rule(wanted, registry_id)
            poller = await client.cache_rules.begin_create(
                registry.group, registry.name, wanted.name, document, polling_interval=self._poll_s
            )
            await poller.result()

    async def attach_credential_set(self, registry_id: str, action: AttachCredentialSet) -> None:
        """Give a rule its credential set and wait for the end; another one that it has by now is left alone.

        Raises:
            RuleMissing: there is no such rule.
            ExistsOtherwise: the rule has another credential set.
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
                return
            if found.credential_set is not None:
                raise ExistsOtherwise(f"the cache rule {action.rule} has the credential set {found.credential_set}")
            document = write_attachment(action.credential_set, registry_id)
            poller = await client.cache_rules.begin_update(
                registry.group, registry.name, action.rule, document, polling_interval=self._poll_s
            )
            await poller.result()

    async def point_credential_set(self, registry_id: str, name: str, username_secret: str, token_secret: str) -> None:
        """Have a set read these secrets, both at once, and wait for the end; the same ones again validate it anew."""
        registry = parsed(registry_id)
        client = self._clients.of(registry.subscription)
        async with azure_call(
            Outside.ARM_UPDATE_CREDENTIAL_SET, f"updating credential set {name}", deadline_s=self._patience_s
        ):
            await self._settled(lambda: self._set(registry, name))
            document = write_secrets(username_secret, token_secret)
            poller = await client.credential_sets.begin_update(
                registry.group, registry.name, name, document, polling_interval=self._poll_s
            )
            await poller.result()

    async def _rule(self, registry: ResourceId, name: str) -> CacheRule | None:
        client = self._clients.of(registry.subscription)
        return await _found(client.cache_rules.get(registry.group, registry.name, name), read_rule)

    async def _set(self, registry: ResourceId, name: str) -> CredentialSet | None:
        client = self._clients.of(registry.subscription)
        return await _found(client.credential_sets.get(registry.group, registry.name, name), read_credential_set)

    async def _settled[T: (CacheRule, CredentialSet)](self, read: Callable[[], Awaitable[T | None]]) -> T | None:
        """What is there once no operation runs on it any more."""
        while True:
            found = await read()
            if found is None or found.provisioning_state not in _RUNNING:
                return found
            await asyncio.sleep(self._poll_s)


async def _all[T](listed: Any, read: Callable[[Any], T]) -> list[T]:
    return [read(document) async for document in listed]


async def _found[T](reading: Awaitable[Any], read: Callable[[Any], T]) -> T | None:
    """What was read, None when it is not there; a registry that is not there is another matter and stays an error."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return read(await reading)
    except ResourceNotFoundError as error:
        if error_code(error) in {"ParentResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"}:
            raise
        return None
