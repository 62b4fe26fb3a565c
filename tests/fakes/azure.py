"""Azure in memory, as far as the ports show it: registries, their content, a vault's access, logs and a channel.

Each fake keeps the promises of its port and can be told to fail: `trouble` holds errors that the next calls raise, in
order, before anything is done; None lets a call pass.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.application.channel_ports import Channel
from shared.application.log_ports import LogRows, Logs, TableMissing
from shared.application.registry_ports import (
    NotServed,
    OperationUntold,
    Registries,
    RegistryContent,
    ServedManifest,
    VaultAccess,
)
from shared.domain.cache_rules import CacheRule
from shared.domain.notices import Notice
from shared.domain.operations import Operation, rule_resource, set_resource
from shared.domain.plans import AttachCredentialSet, CreateCacheRule, CreateCredentialSet
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.errors import CachewardenError, PermanentError

LOGIN_SERVER = "contoso.azurecr.io"
SIGNATURE = "signature-of-the-operation"
"""Stands in the address at which Azure tells of an operation; nobody else may see it."""


class Troubled:
    """A fake that can be told to fail."""

    def __init__(self) -> None:
        self.trouble: dict[str, list[BaseException | None]] = defaultdict(list)
        self.calls: list[str] = []

    def _called(self, call: str) -> None:
        self.calls.append(call)
        error = self.trouble[call].pop(0) if self.trouble[call] else None
        if error is not None:
            raise error


class FakeVaultAccess(Troubled, VaultAccess):
    """A vault and who may read its secrets."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[tuple[str, str, str]] = set()

    async def granted(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> bool:
        """Whether the principal was granted every secret."""
        self._called("granted")
        return all((vault_id, secret, principal_id) in self.readers for secret in secrets)

    async def grant(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> None:
        """Remember the grant."""
        self._called("grant")
        self.readers |= {(vault_id, secret, principal_id) for secret in secrets}

    async def vault_id(self, vault: str, subscription_id: str) -> str:
        """An id made from the vault's name."""
        self._called("vault_id")
        name = vault.removeprefix("https://").partition(".")[0]
        return f"/subscriptions/{subscription_id}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/{name}"


class FakeRegistry:
    """What one registry holds: rules, credential sets and repositories, and what was put into it by us, in order."""

    def __init__(self, registry_id: str, login_server: str) -> None:
        self.id = registry_id
        self.login_server = login_server
        self.rules: dict[str, CacheRule] = {}
        self.sets: dict[str, CredentialSet] = {}
        self.repositories: set[str] = set()
        self.puts: list[str] = []


def _is_changing(resource: CacheRule | CredentialSet) -> bool:
    return resource.provisioning_state not in {"Succeeded", "Failed"}


class FakeRegistries(Troubled, Registries):
    """Registries in ARM; a credential set is healthy once its identity was granted its secrets, and looked at often.

    `rules`, `sets` and `puts` are those of the first registry.

    Attributes:
        healthy_after: how many looks at a credential set it takes until ACR calls it healthy.
        failures: `cacheRules/<name>` or `credentialSets/<name>` → what the next operation on it fails of.
        forgets: ARM no longer knows how operations ended.
        down: a registry's id → what every call about it is answered with.
    """

    def __init__(self, registry_id: str, vault_access: FakeVaultAccess) -> None:
        super().__init__()
        self.held: dict[str, FakeRegistry] = {}
        self.healthy_after = 0
        self.failures: dict[str, CachewardenError] = {}
        self.forgets = False
        self.down: dict[str, CachewardenError] = {}
        self._vault_access = vault_access
        self._running: dict[str, Operation] = {}
        self._ended: dict[str, CachewardenError | None] = {}
        first = self.add(registry_id, LOGIN_SERVER)
        self.rules, self.sets, self.puts = first.rules, first.sets, first.puts

    def add(self, registry_id: str, login_server: str) -> FakeRegistry:
        """One more registry."""
        self.held[registry_id] = FakeRegistry(registry_id, login_server)
        return self.held[registry_id]

    async def read(self, registry_id: str) -> RegistrySnapshot:
        """Rules and credential sets."""
        self._called("read")
        found = self._at(registry_id)
        return RegistrySnapshot(
            id=registry_id,
            login_server=found.login_server,
            rules=tuple(found.rules.values()),
            credential_sets=tuple(self._with_health(s) for s in found.sets.values()),
        )

    async def credential_set(self, registry_id: str, name: str) -> CredentialSet | None:
        """One credential set with its health."""
        self._called("credential_set")
        self.healthy_after -= 1
        found = self._at(registry_id).sets.get(name)
        return None if found is None else self._with_health(found)

    async def create_credential_set(self, registry_id: str, action: CreateCredentialSet) -> Operation | None:
        """Create it with an identity of its own."""
        self._called("create_credential_set")
        registry = self._at(registry_id)
        registry.puts.append(action.name)
        registry.sets[action.name] = CredentialSet(
            name=action.name,
            login_server=action.login_server,
            username_secret=action.username_secret,
            token_secret=action.token_secret,
            principal_id=f"principal-of-{action.name}-in-{registry.login_server}",
            provisioning_state="Creating",
        )
        return self._accept(f"credentialSets/{action.name}")

    async def create_cache_rule(self, registry_id: str, action: CreateCacheRule) -> Operation | None:
        """Create it; over a set that is not healthy it would break pulls, which fails the test."""
        self._called("create_cache_rule")
        registry = self._at(registry_id)
        if action.credential_set is not None:
            assert self._with_health(registry.sets[action.credential_set]).healthy
        registry.puts.append(action.name)
        registry.rules[action.name] = CacheRule(
            action.name, action.source, action.target, action.credential_set, "Creating"
        )
        return self._accept(f"cacheRules/{action.name}")

    async def attach_credential_set(self, registry_id: str, action: AttachCredentialSet) -> Operation | None:
        """Give the rule its credential set."""
        self._called("attach_credential_set")
        rules = self._at(registry_id).rules
        rules[action.rule] = msgspec.structs.replace(
            rules[action.rule], credential_set=action.credential_set, provisioning_state="Updating"
        )
        return self._accept(f"cacheRules/{action.rule}")

    async def until_ended(self, registry_id: str, operation: Operation) -> CachewardenError | None:
        """End the operation; two on one resource, of workers that don't know of each other, end alike."""
        self._called("until_ended")
        if operation.status not in self._ended:
            self.end(registry_id, operation.resource)
            latest = self._running[operation.resource].status
            self._ended.setdefault(operation.status, self._ended[latest])
        failure = self._ended[operation.status]
        return OperationUntold(operation.resource) if failure is not None and self.forgets else failure

    def end(self, registry_id: str, resource: str) -> None:
        """Let Azure end what it does with a resource, whether or not anybody looks."""
        failure = self.failures.pop(resource, None)
        kind, _, name = resource.partition("/")
        registry, state = self._at(registry_id), "Succeeded" if failure is None else "Failed"
        held: dict[str, Any] = registry.rules if kind == "cacheRules" else registry.sets
        held[name] = msgspec.structs.replace(held[name], provisioning_state=state)
        self._ended[self._running[resource].status] = failure

    def end_all(self) -> None:
        """Let Azure end everything that it does."""
        for registry in self.held.values():
            rules = [rule_resource(rule.name) for rule in registry.rules.values() if _is_changing(rule)]
            sets = [set_resource(one.name) for one in registry.sets.values() if _is_changing(one)]
            for resource in (*rules, *sets):
                self.end(registry.id, resource)

    def _accept(self, resource: str) -> Operation:
        number = len(self._ended) + len(self._running) + 1
        self._running[resource] = Operation(resource, f"/{resource}/operationStatuses/{number}?signature={SIGNATURE}")
        return self._running[resource]

    def _at(self, registry_id: str) -> FakeRegistry:
        if registry_id in self.down:
            raise self.down[registry_id]
        if registry_id not in self.held:
            raise PermanentError("no such registry", code="ResourceNotFound")
        return self.held[registry_id]

    def _with_health(self, credential_set: CredentialSet) -> CredentialSet:
        readable = {s for _, s, principal in self._vault_access.readers if principal == credential_set.principal_id}
        wanted = {credential_set.username_secret.rpartition("/")[2], credential_set.token_secret.rpartition("/")[2]}
        return msgspec.structs.replace(credential_set, healthy=wanted <= readable and self.healthy_after <= 0)


class FakeContent(Troubled, RegistryContent):
    """The data plane of `registries`: serves what their rules cover."""

    def __init__(self, registries: FakeRegistries) -> None:
        super().__init__()
        self.platforms: dict[str, str] = {}
        self.pulled: list[str] = []
        self._registries = registries

    async def repositories(self, login_server: str) -> frozenset[str]:
        """The repositories that exist."""
        self._called("repositories")
        return frozenset(self._at(login_server).repositories)

    async def manifest(self, login_server: str, repository: str, reference: str) -> ServedManifest:
        """A made-up manifest, when the repository is the target of a rule that is made."""
        self._called("manifest")
        served = {
            rule.target for rule in self._at(login_server).rules.values() if rule.provisioning_state == "Succeeded"
        }
        if repository not in served:
            raise NotServed(f"{repository} is not known", code="NAME_UNKNOWN")
        self.pulled.append(f"{login_server}/{repository}:{reference}")
        platforms = {} if reference in self.platforms.values() else self.platforms
        return ServedManifest(
            digest="sha256:" + "0" * 64, media_type="application/json", origin="upstream", platforms=platforms
        )

    def _at(self, login_server: str) -> FakeRegistry:
        return next(one for one in self._registries.held.values() if one.login_server == login_server)


class FakeLogs(Troubled, Logs):
    """A workspace's answers, by the table that stands on a line of its own in the query."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[Mapping[str, Any]]] = {}
        self.refused_tables: set[str] = set()
        self.partial_tables: set[str] = set()
        self.windows: list[tuple[str, datetime, datetime]] = []

    async def query(self, workspace_id: str, kql: str, *, start: datetime, end: datetime) -> LogRows:
        """The rows of the table that the query starts with."""
        self._called("query")
        self.windows.append((workspace_id, start, end))
        if any(f"\n{table}\n" in kql for table in self.refused_tables):
            raise PermanentError("bad query", code="query_invalid")
        for table, rows in self.rows.items():
            if f"\n{table}\n" in kql:
                return LogRows(rows=rows, partial=table in self.partial_tables)
        raise TableMissing("no such table")


class FakeChannel(Troubled, Channel):
    """Keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Notice] = []

    async def send(self, notice: Notice) -> None:
        """Keep the notice."""
        self._called("send")
        self.sent.append(notice)
