"""Resource Manager as a whole: what exists, who may do what, and the rule book that the registry's data plane asks.

World-building code makes one `Arm`, adds resources and grants roles; the HTTP side is `ArmService`.
"""

from collections.abc import Sequence
from typing import Final

from sandbox.acr.ports import CredentialsUnavailable
from sandbox.arm.access import AccessControl
from sandbox.arm.cache_rules import CacheRules
from sandbox.arm.credential_sets import CredentialSets
from sandbox.arm.health import Health, HealthCheck
from sandbox.arm.inventory import Inventory
from sandbox.arm.operations import Operations
from sandbox.arm.ports import Repositories, RepositoryIndex, SecretReader, SecretUnreadable, UpstreamLogin
from sandbox.arm.refusals import ParentResourceNotFound, ResourceNotFound
from sandbox.arm.registries import CacheRule, CredentialSet, Registry
from sandbox.arm.role_assignments import RoleAssignments
from sandbox.arm.settings import ArmSettings
from sandbox.arm.throttling import Throttle
from sandbox.frame.service import Clock, system_clock
from sandbox.identity.directory import Directory
from sandbox.identity.tokens import TENANT_ID

REGISTRY_TYPE: Final = "Microsoft.ContainerRegistry/registries"
VAULT_TYPE: Final = "Microsoft.KeyVault/vaults"
CLUSTER_TYPE: Final = "Microsoft.ContainerService/managedClusters"
SITE_TYPE: Final = "Microsoft.Web/sites"
SYSTEM_TOPIC_TYPE: Final = "Microsoft.EventGrid/systemTopics"
WORKSPACE_TYPE: Final = "Microsoft.OperationalInsights/workspaces"
ACTION_GROUP_TYPE: Final = "Microsoft.Insights/actionGroups"
QUERY_RULE_TYPE: Final = "Microsoft.Insights/scheduledQueryRules"


class Arm:
    """The state of Resource Manager; implements the `RuleBook` that the registry's data plane asks.

    Attributes:
        settings: how it behaves where the real one varies.
        access: role definitions and assignments.
        inventory: subscriptions, groups and resources.
        operations: long-running operations; `fail_next` makes one fail.
        throttle: the token buckets.
    """

    def __init__(
        self,
        *,
        access: AccessControl,
        directory: Directory,
        secrets: SecretReader,
        upstream: UpstreamLogin,
        clock: Clock = system_clock,
    ) -> None:
        self.settings = ArmSettings()
        self.access = access
        self.inventory = Inventory()
        self.operations = Operations(self.settings, clock=clock)
        self.cache_rules = CacheRules(self.settings, operations=self.operations, index=Repositories(), clock=clock)
        self.credential_sets = CredentialSets(operations=self.operations, directory=directory, clock=clock)
        self.role_assignments = RoleAssignments(access=access, directory=directory, clock=clock)
        self.throttle = Throttle(clock=clock)
        self._health = HealthCheck(secrets=secrets, upstream=upstream)
        self._clock = clock
        self._registries: dict[str, Registry] = {}

    def connect(self, *planes: RepositoryIndex) -> None:
        """Ask these data planes from now on which repositories exist, each for its own registry."""
        self.cache_rules.index = Repositories(*planes)

    def add_registry(
        self, name: str, *, subscription: str, group: str, login_server: str = "", location: str = "westeurope"
    ) -> Registry:
        """Add a registry; its `login_server` may be set later, when the data plane's address is known."""
        resource = self.inventory.add(REGISTRY_TYPE, name, subscription=subscription, group=group, location=location)
        registry = Registry(
            resource.id, name, group, location, login_server or f"{name}.azurecr.io", created_on=self._clock()
        )
        self._registries[name.lower()] = registry
        return registry

    def describe_vault(self, resource_id: str, address: str) -> None:
        """Say at which address a vault of the inventory is served, now that it is known."""
        self.inventory.describe(
            resource_id,
            {
                "sku": {"family": "A", "name": "standard"},
                "tenantId": TENANT_ID,
                "enableSoftDelete": True,
                "softDeleteRetentionInDays": 90,
                "vaultUri": f"{address}/",
                "provisioningState": "Succeeded",
                "publicNetworkAccess": "Enabled",
            },
        )

    def registries(self) -> list[Registry]:
        """All registries."""
        return list(self._registries.values())

    def registry(self, subscription: str, group: str, name: str) -> Registry:
        """The registry at that place; raises `ResourceGroupNotFound` or `ResourceNotFound`."""
        self.operations.settle()
        return self._registries[self.inventory.get(subscription, group, REGISTRY_TYPE, name).name.lower()]

    def parent(self, subscription: str, group: str, name: str, *, verb: str, kind: str) -> Registry:
        """The registry that a rule or set is part of; raises `ParentResourceNotFound` when it isn't there."""
        try:
            return self.registry(subscription, group, name)
        except ResourceNotFound as refusal:
            parent = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{REGISTRY_TYPE}/{name}"
            raise ParentResourceNotFound(verb=verb, kind=kind, parent=parent) from refusal

    async def health(self, found: CredentialSet) -> Health:
        """Whether the set works, looked at now."""
        return await self._health.check(found)

    def rules(self, registry: str) -> Sequence[CacheRule]:
        """The rules that the data plane of the registry of that name honours by now."""
        return self.cache_rules.honoured(self._registries[registry.lower()])

    async def credentials(self, registry: str, rule_name: str) -> tuple[str, str] | None:
        """User name and password for a rule's upstream, None for a rule without credential set.

        Raises:
            CredentialsUnavailable: the rule or its set is gone, or the set is unhealthy; pulls through it fail then.
        """
        home = self._registries[registry.lower()]
        if (rule := home.rules.get(rule_name.lower())) is None:
            raise CredentialsUnavailable("the rule is gone")
        wanted = rule.credential_set
        if wanted is None:
            return None
        found = next((one for one in home.credential_sets.values() if one.id.lower() == wanted.lower()), None)
        if found is None:
            raise CredentialsUnavailable("the credential set of the rule is gone")
        health = await self.health(found)
        if not health.healthy:
            raise CredentialsUnavailable(health.code)
        try:
            return self._health.secrets_of(found)
        except SecretUnreadable as error:  # it was readable a moment ago, before the upstream was asked
            raise CredentialsUnavailable(error.reason.value) from error
