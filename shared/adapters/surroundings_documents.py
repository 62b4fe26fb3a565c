"""ARM's documents of what the app works on, as far as the doctor reads them; what is absent has its default."""

import msgspec

from shared.application.doctor.ports import (
    Caller,
    Grant,
    Network,
    RegistryDocument,
    VaultDocument,
)


class Document(msgspec.Struct, frozen=True, rename="camel"):
    """Names as ARM writes them; what is not named here is passed over."""


class Claims(msgspec.Struct, frozen=True):
    """The claims of an access token that say who it speaks for."""

    oid: str
    tid: str

    @property
    def caller(self) -> Caller:
        """Without a name."""
        return Caller(self.oid, self.tid)


class Listed(Document, frozen=True):
    """A resource in a list."""

    id: str


class _ProviderType(Document, frozen=True):
    resource_type: str
    api_versions: tuple[str, ...] = ()


class Provider(Document, frozen=True):
    """Providers - Get (documented, 2021-04-01)."""

    registration_state: str = ""
    resource_types: tuple[_ProviderType, ...] = ()

    @property
    def versions(self) -> dict[str, frozenset[str]]:
        """By type in lower case; empty if the provider is not registered."""
        if self.registration_state != "Registered":
            return {}
        return {one.resource_type.lower(): frozenset(one.api_versions) for one in self.resource_types}


class _AssignmentProperties(Document, frozen=True):
    role_definition_id: str
    principal_id: str = ""


class Assignment(Document, frozen=True):
    """A role assignment."""

    properties: _AssignmentProperties


class _DefinitionProperties(Document, frozen=True):
    permissions: tuple[Grant, ...] = ()


class Definition(Document, frozen=True):
    """A role definition."""

    properties: _DefinitionProperties


class _Firewall(Document, frozen=True):
    default_action: str = "Allow"
    bypass: str = "AzureServices"


class _RegistryProperties(Document, frozen=True):
    provisioning_state: str = ""
    public_network_access: str = "Enabled"
    network_rule_set: _Firewall | None = None
    network_rule_bypass_options: str = "AzureServices"


class Registry(Document, frozen=True):
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
        )


class _VaultProperties(Document, frozen=True):
    enable_rbac_authorization: bool | None = False
    public_network_access: str = "Enabled"
    network_acls: _Firewall | None = None


class Vault(Document, frozen=True):
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


class _WorkspaceProperties(Document, frozen=True):
    customer_id: str


class Workspace(Document, frozen=True):
    """Workspaces - Get (documented)."""

    properties: _WorkspaceProperties


class _KubeletIdentity(Document, frozen=True):
    object_id: str = ""


class _Identities(Document, frozen=True):
    kubeletidentity: _KubeletIdentity = _KubeletIdentity()


class _ClusterProperties(Document, frozen=True):
    identity_profile: _Identities | None = None


class Cluster(Document, frozen=True):
    """Managed Clusters - Get (documented)."""

    properties: _ClusterProperties

    @property
    def kubelet(self) -> str:
        """The object id of the identity that pulls images, empty where it says none."""
        profile = self.properties.identity_profile
        return profile.kubeletidentity.object_id if profile is not None else ""
