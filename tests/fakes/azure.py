"""Azure in memory, as far as the ports show it: a registry, its content, a vault's access, logs and a channel.

Each fake keeps the promises of its port and can be told to fail: `trouble` holds errors that the next calls raise, in
order, before anything is done.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.application.ports import (
    Channel,
    LogRows,
    Logs,
    NotServed,
    Registries,
    RegistryContent,
    ServedManifest,
    TableMissing,
    VaultAccess,
)
from shared.domain.cache_rules import CacheRule
from shared.domain.notices import Notice
from shared.domain.plans import AttachCredentialSet, CreateCacheRule, CreateCredentialSet
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.errors import PermanentError

LOGIN_SERVER = "contoso.azurecr.io"


class Troubled:
    """A fake that can be told to fail."""

    def __init__(self) -> None:
        self.trouble: dict[str, list[BaseException]] = defaultdict(list)
        self.calls: list[str] = []

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.trouble[call]:
            raise self.trouble[call].pop(0)


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


class FakeRegistries(Troubled, Registries):
    """One registry in ARM; a credential set is healthy once its identity was granted its secrets, and looked at often.

    Attributes:
        healthy_after: how many looks at a credential set it takes until ACR calls it healthy.
    """

    def __init__(self, registry_id: str, vault_access: FakeVaultAccess) -> None:
        super().__init__()
        self.registry_id = registry_id
        self.rules: dict[str, CacheRule] = {}
        self.sets: dict[str, CredentialSet] = {}
        self.puts: list[str] = []
        self.healthy_after = 0
        self._vault_access = vault_access

    async def read(self, registry_id: str) -> RegistrySnapshot:
        """Rules and credential sets."""
        self._called("read")
        if registry_id != self.registry_id:
            raise PermanentError("no such registry", code="ResourceNotFound")
        return RegistrySnapshot(
            id=registry_id,
            login_server=LOGIN_SERVER,
            rules=tuple(self.rules.values()),
            credential_sets=tuple(self._with_health(s) for s in self.sets.values()),
        )

    async def credential_set(self, registry_id: str, name: str) -> CredentialSet | None:
        """One credential set with its health."""
        self._called("credential_set")
        self.healthy_after -= 1
        found = self.sets.get(name)
        return None if found is None else self._with_health(found)

    async def create_credential_set(self, registry_id: str, action: CreateCredentialSet) -> CredentialSet:
        """Create it with an identity of its own."""
        self._called("create_credential_set")
        self.puts.append(action.name)
        self.sets[action.name] = CredentialSet(
            name=action.name,
            login_server=action.login_server,
            username_secret=action.username_secret,
            token_secret=action.token_secret,
            principal_id=f"principal-of-{action.name}",
        )
        return self._with_health(self.sets[action.name])

    async def create_cache_rule(self, registry_id: str, action: CreateCacheRule) -> None:
        """Create it; over a set that is not healthy it would break pulls, which fails the test."""
        self._called("create_cache_rule")
        if action.credential_set is not None:
            assert self._with_health(self.sets[action.credential_set]).healthy
        self.puts.append(action.name)
        self.rules[action.name] = CacheRule(action.name, action.source, action.target, action.credential_set)

    async def attach_credential_set(self, registry_id: str, action: AttachCredentialSet) -> None:
        """Give the rule its credential set."""
        self._called("attach_credential_set")
        rule = self.rules[action.rule]
        self.rules[action.rule] = msgspec.structs.replace(rule, credential_set=action.credential_set)

    def _with_health(self, credential_set: CredentialSet) -> CredentialSet:
        readable = {s for _, s, principal in self._vault_access.readers if principal == credential_set.principal_id}
        wanted = {credential_set.username_secret.rpartition("/")[2], credential_set.token_secret.rpartition("/")[2]}
        return msgspec.structs.replace(credential_set, healthy=wanted <= readable and self.healthy_after <= 0)


class FakeContent(Troubled, RegistryContent):
    """The registry's data plane: serves what a rule of `registries` covers."""

    def __init__(self, registries: FakeRegistries) -> None:
        super().__init__()
        self.present: set[str] = set()
        self.platforms: dict[str, str] = {}
        self.pulled: list[str] = []
        self._registries = registries

    async def repositories(self, login_server: str) -> frozenset[str]:
        """The repositories that exist."""
        self._called("repositories")
        return frozenset(self.present)

    async def manifest(self, login_server: str, repository: str, reference: str) -> ServedManifest:
        """A made-up manifest, when a rule's target is the repository."""
        self._called("manifest")
        if not any(rule.target == repository for rule in self._registries.rules.values()):
            raise NotServed(f"{repository} is not known", code="NAME_UNKNOWN")
        self.pulled.append(f"{login_server}/{repository}:{reference}")
        platforms = {} if reference in self.platforms.values() else self.platforms
        return ServedManifest(
            digest="sha256:" + "0" * 64, media_type="application/json", origin="upstream", platforms=platforms
        )


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
