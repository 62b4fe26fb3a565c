"""ARM's documents of what was deployed, as far as the doctor reads them. What is absent has the service's default."""

import msgspec

from shared.application.doctor.ports import (
    ActionGroup,
    AlertRule,
    Caller,
    EventSubscription,
    FunctionReceiver,
    Grant,
    Network,
    RegistryDocument,
    VaultDocument,
)


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    """Names as ARM writes them; what is not named here is passed over."""


class Claims(msgspec.Struct, frozen=True):
    """The claims of an access token that say who it speaks for."""

    oid: str
    tid: str

    @property
    def caller(self) -> Caller:
        """Without a name."""
        return Caller(self.oid, self.tid)


class Listed(_Document, frozen=True):
    """A resource in a list."""

    id: str


class _ProviderType(_Document, frozen=True):
    resource_type: str
    api_versions: tuple[str, ...] = ()


class Provider(_Document, frozen=True):
    """Providers - Get (documented, 2021-04-01)."""

    registration_state: str = ""
    resource_types: tuple[_ProviderType, ...] = ()

    @property
    def versions(self) -> dict[str, frozenset[str]]:
        """By type in lower case; empty if the provider is not registered."""
        if self.registration_state != "Registered":
            return {}
        return {one.resource_type.lower(): frozenset(one.api_versions) for one in self.resource_types}


class _AssignmentProperties(_Document, frozen=True):
    role_definition_id: str
    principal_id: str = ""


class Assignment(_Document, frozen=True):
    """A role assignment."""

    properties: _AssignmentProperties


class _DefinitionProperties(_Document, frozen=True):
    permissions: tuple[Grant, ...] = ()


class Definition(_Document, frozen=True):
    """A role definition."""

    properties: _DefinitionProperties


class _Firewall(_Document, frozen=True):
    default_action: str = "Allow"
    bypass: str = "AzureServices"


class _RegistryProperties(_Document, frozen=True):
    provisioning_state: str = ""
    public_network_access: str = "Enabled"
    network_rule_set: _Firewall | None = None
    network_rule_bypass_options: str = "AzureServices"
    role_assignment_mode: str = ""


class Registry(_Document, frozen=True):
    """Registries - Get (documented, 2025-11-01)."""

    properties: _RegistryProperties

    def read(self) -> RegistryDocument:
        """As the doctor takes it."""
        found = self.properties
        rules = found.network_rule_set or _Firewall()
        return RegistryDocument(
            state=found.provisioning_state,
            network=Network(
                is_public=found.public_network_access != "Disabled",
                is_open=rules.default_action != "Deny",
                trusts_azure=found.network_rule_bypass_options != "None",
            ),
            uses_abac=found.role_assignment_mode == "AbacRepositoryPermissions",
        )


class _VaultProperties(_Document, frozen=True):
    enable_rbac_authorization: bool | None = False
    public_network_access: str = "Enabled"
    network_acls: _Firewall | None = None


class Vault(_Document, frozen=True):
    """Vaults - Get (documented, 2023-07-01)."""

    properties: _VaultProperties

    def read(self) -> VaultDocument:
        """As the doctor takes it."""
        rules = self.properties.network_acls or _Firewall()
        network = Network(
            is_public=self.properties.public_network_access.lower() != "disabled",
            is_open=rules.default_action != "Deny",
            trusts_azure="AzureServices" in rules.bypass,
        )
        return VaultDocument(network, uses_roles=bool(self.properties.enable_rbac_authorization))


class _TopicProperties(_Document, frozen=True):
    source: str = ""


class SystemTopic(_Document, frozen=True):
    """System Topics - Get (documented, 2025-02-15)."""

    properties: _TopicProperties


class _FunctionProperties(_Document, frozen=True):
    resource_id: str = ""


class _Destination(_Document, frozen=True):
    endpoint_type: str = ""
    properties: _FunctionProperties = _FunctionProperties()


class _Filter(_Document, frozen=True):
    included_event_types: tuple[str, ...] | None = None


class _SubscriptionProperties(_Document, frozen=True):
    provisioning_state: str = "Succeeded"
    destination: _Destination | None = None
    filter: _Filter | None = None
    dead_letter_destination: dict[str, object] | None = None
    dead_letter_with_resource_identity: dict[str, object] | None = None


class Subscription(_Document, frozen=True):
    """An event subscription of a system topic (documented, 2025-02-15)."""

    name: str
    properties: _SubscriptionProperties

    def read(self) -> EventSubscription:
        """As the doctor takes it."""
        found = self.properties
        to = found.destination
        return EventSubscription(
            name=self.name,
            function_id=to.properties.resource_id if to is not None and to.endpoint_type == "AzureFunction" else "",
            state=found.provisioning_state,
            event_types=(found.filter.included_event_types if found.filter is not None else None) or (),
            keeps_failures=bool(found.dead_letter_destination or found.dead_letter_with_resource_identity),
        )


class _Criterion(_Document, frozen=True):
    query: str = ""


class _Criteria(_Document, frozen=True):
    all_of: tuple[_Criterion, ...] = ()


class _Actions(_Document, frozen=True):
    action_groups: tuple[str, ...] = ()


class _RuleProperties(_Document, frozen=True):
    enabled: bool = True
    scopes: tuple[str, ...] = ()
    criteria: _Criteria = _Criteria()
    actions: _Actions = _Actions()


class QueryRule(_Document, frozen=True):
    """Scheduled Query Rules - Get (documented, 2023-12-01)."""

    id: str
    properties: _RuleProperties

    def read(self) -> AlertRule:
        """As the doctor takes it; a rule of ours has one query."""
        found = self.properties
        return AlertRule(
            id=self.id,
            is_enabled=found.enabled,
            query="".join(one.query for one in found.criteria.all_of),
            scopes=found.scopes,
            action_groups=found.actions.action_groups,
        )


class _Receiver(_Document, frozen=True):
    function_app_resource_id: str
    function_name: str
    use_common_alert_schema: bool = False


class _GroupProperties(_Document, frozen=True):
    enabled: bool = True
    azure_function_receivers: tuple[_Receiver, ...] = ()


class Receivers(_Document, frozen=True):
    """Action Groups - Get (documented, 2023-01-01); the address with the key in it is not read."""

    id: str
    properties: _GroupProperties

    def read(self) -> ActionGroup:
        """As the doctor takes it."""
        receivers = tuple(
            FunctionReceiver(one.function_app_resource_id, one.function_name, one.use_common_alert_schema)
            for one in self.properties.azure_function_receivers
        )
        return ActionGroup(self.id, self.properties.enabled, receivers)


class _WorkspaceProperties(_Document, frozen=True):
    customer_id: str


class Workspace(_Document, frozen=True):
    """Workspaces - Get (documented)."""

    properties: _WorkspaceProperties


class _KubeletIdentity(_Document, frozen=True):
    object_id: str = ""


class _Identities(_Document, frozen=True):
    kubeletidentity: _KubeletIdentity = _KubeletIdentity()


class _ClusterProperties(_Document, frozen=True):
    identity_profile: _Identities | None = None


class Cluster(_Document, frozen=True):
    """Managed Clusters - Get (documented)."""

    properties: _ClusterProperties

    @property
    def kubelet(self) -> str:
        """The object id of the identity that pulls images, empty where it says none."""
        profile = self.properties.identity_profile
        return profile.kubeletidentity.object_id if profile is not None else ""
