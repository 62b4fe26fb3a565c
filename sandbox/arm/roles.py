"""The role definitions of the sandbox: Azure's built-in ones that matter here, and the product's custom role.

Actions are verbatim where Microsoft's built-in role tables were read; the Cache Rule roles' are inferred from the
Credential Set roles by symmetry.
"""

from typing import Final

import msgspec

_ACR: Final = "Microsoft.ContainerRegistry/registries"
_VAULT: Final = "Microsoft.KeyVault/vaults"


class RoleDefinition(msgspec.Struct, frozen=True):
    """What a role allows; `*` in an action stands for any text."""

    id: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    custom: bool = False


OWNER: Final = RoleDefinition(id="8e3af657-a8ff-443c-a75c-2fe8c4bcb635", name="Owner", actions=("*",))
READER: Final = RoleDefinition(id="acdd72a7-3385-48ef-bd42-f606fba81ae7", name="Reader", actions=("*/read",))
CONTRIBUTOR: Final = RoleDefinition(
    id="b24988ac-6180-42a0-ab88-20f7382dd24c",
    name="Contributor",
    actions=("*",),
    not_actions=(
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
    ),
)
RBAC_ADMINISTRATOR: Final = RoleDefinition(
    id="f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    name="Role Based Access Control Administrator",
    actions=(
        "Microsoft.Authorization/roleAssignments/write",
        "Microsoft.Authorization/roleAssignments/delete",
        "*/read",
        "Microsoft.Support/*",
    ),
)
KEY_VAULT_SECRETS_USER: Final = RoleDefinition(
    id="4633458b-17de-408a-b874-0445c86b69e6",
    name="Key Vault Secrets User",
    data_actions=(f"{_VAULT}/secrets/getSecret/action", f"{_VAULT}/secrets/readMetadata/action"),
)
KEY_VAULT_SECRETS_OFFICER: Final = RoleDefinition(
    id="b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    name="Key Vault Secrets Officer",
    actions=("Microsoft.Authorization/*/read", f"{_VAULT}/*/read", "Microsoft.Support/*"),
    data_actions=(f"{_VAULT}/secrets/*",),
)
KEY_VAULT_READER: Final = RoleDefinition(
    id="21090545-7ca7-4776-b22c-e363652d74d2",
    name="Key Vault Reader",
    actions=("Microsoft.Authorization/*/read", f"{_VAULT}/*/read", "Microsoft.Support/*"),
    data_actions=(f"{_VAULT}/*/read", f"{_VAULT}/secrets/readMetadata/action"),
)
ACR_PULL: Final = RoleDefinition(
    id="7f951dda-4ed3-4680-a7ca-43fe172d538d", name="AcrPull", actions=(f"{_ACR}/pull/read",)
)
ACR_CATALOG_LISTER: Final = RoleDefinition(
    id="bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7",
    name="Container Registry Repository Catalog Lister",
    data_actions=(f"{_ACR}/catalog/read",),
)
CACHE_RULE_ADMINISTRATOR: Final = RoleDefinition(
    id="df87f177-bb12-4db1-9793-a413691eff94",
    name="Container Registry Cache Rule Administrator",
    actions=(
        f"{_ACR}/cacheRules/read",
        f"{_ACR}/cacheRules/write",
        f"{_ACR}/cacheRules/delete",
        f"{_ACR}/cacheRules/operationStatuses/read",
    ),
)
CACHE_RULE_READER: Final = RoleDefinition(
    id="c357b964-0002-4b64-a50d-7a28f02edc52",
    name="Container Registry Cache Rule Reader",
    actions=(f"{_ACR}/cacheRules/read",),
)
CREDENTIAL_SET_ADMINISTRATOR: Final = RoleDefinition(
    id="f094fb07-0703-4400-ad6a-e16dd8000e14",
    name="Container Registry Credential Set Administrator",
    actions=(
        f"{_ACR}/credentialSets/read",
        f"{_ACR}/credentialSets/write",
        f"{_ACR}/credentialSets/delete",
        f"{_ACR}/credentialSets/operationStatuses/read",
    ),
)
CREDENTIAL_SET_READER: Final = RoleDefinition(
    id="29093635-9924-4f2c-913b-650a12949526",
    name="Container Registry Credential Set Reader",
    actions=(f"{_ACR}/credentialSets/read",),
)
LOG_ANALYTICS_READER: Final = RoleDefinition(
    id="73c42c96-874c-492b-b04d-ab87d138a893",
    name="Log Analytics Reader",
    actions=(
        "*/read",
        "Microsoft.OperationalInsights/workspaces/analytics/query/action",
        "Microsoft.OperationalInsights/workspaces/search/action",
        "Microsoft.Support/*",
    ),
    not_actions=("Microsoft.OperationalInsights/workspaces/sharedKeys/read",),
)
LOG_ANALYTICS_DATA_READER: Final = RoleDefinition(
    id="3b03c2da-16b3-4a49-8834-0f8130efdd3b",
    name="Log Analytics Data Reader",
    actions=("Microsoft.OperationalInsights/workspaces/read", "Microsoft.OperationalInsights/workspaces/query/read"),
    data_actions=("Microsoft.OperationalInsights/workspaces/tables/data/read",),
)
EVENT_GRID_DATA_SENDER: Final = RoleDefinition(
    id="d5a91429-5739-47e2-a06b-3470a27159e7",
    name="EventGrid Data Sender",
    actions=("Microsoft.Authorization/*/read", "Microsoft.EventGrid/topics/read"),
    data_actions=("Microsoft.EventGrid/events/send/action",),
)
WEBSITE_CONTRIBUTOR: Final = RoleDefinition(
    id="de139f84-1756-47ae-9be6-808fbbe84772",
    name="Website Contributor",
    actions=("Microsoft.Authorization/*/read", "Microsoft.Insights/components/*", "Microsoft.Web/sites/*"),
)
MONITORING_METRICS_PUBLISHER: Final = RoleDefinition(
    id="3913510d-42f4-4e42-8a64-420c390055eb",
    name="Monitoring Metrics Publisher",
    actions=(
        "Microsoft.Insights/Register/Action",
        "Microsoft.Support/*",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
    ),
    data_actions=("Microsoft.Insights/Metrics/Write", "Microsoft.Insights/Telemetry/Write"),
)
CACHEWARDEN_OPERATOR: Final = RoleDefinition(
    id="c5e0c3a2-7d0a-4f7b-9a55-0d6a3e3b7c11",
    name="Cachewarden Operator",
    actions=(
        f"{_ACR}/read",
        f"{_ACR}/cacheRules/read",
        f"{_ACR}/cacheRules/write",
        f"{_ACR}/cacheRules/operationStatuses/read",
        f"{_ACR}/credentialSets/read",
        f"{_ACR}/credentialSets/write",
        f"{_ACR}/credentialSets/operationStatuses/read",
    ),
    custom=True,
)
"""The product's own role on the registry: the least that it needs, and nothing that deletes."""
CACHEWARDEN_SITE_READER: Final = RoleDefinition(
    id="7b0d3c7e-52a8-4d0c-8f57-1f1a60d2c9e4",
    name="Cachewarden Site Reader",
    actions=("Microsoft.Web/sites/read", "Microsoft.Web/sites/slots/read"),
    custom=True,
)
"""The product's own role on sites: what they run, and none of their settings' values."""
CACHEWARDEN_VAULT_POLICY_WRITER: Final = RoleDefinition(
    id="a3f2a0c5-9b0e-4b43-9a5b-6f0d1c7e2d88",
    name="Cachewarden Vault Policy Writer",
    actions=(f"{_VAULT}/read", f"{_VAULT}/accessPolicies/write"),
    custom=True,
)
"""The product's own role on a vault with access policies; given only where the deployer says so."""

BUILT_IN_ROLES: Final = (
    OWNER,
    READER,
    CONTRIBUTOR,
    RBAC_ADMINISTRATOR,
    KEY_VAULT_SECRETS_USER,
    KEY_VAULT_SECRETS_OFFICER,
    KEY_VAULT_READER,
    ACR_PULL,
    ACR_CATALOG_LISTER,
    CACHE_RULE_ADMINISTRATOR,
    CACHE_RULE_READER,
    CREDENTIAL_SET_ADMINISTRATOR,
    CREDENTIAL_SET_READER,
    LOG_ANALYTICS_READER,
    LOG_ANALYTICS_DATA_READER,
    EVENT_GRID_DATA_SENDER,
    WEBSITE_CONTRIBUTOR,
    MONITORING_METRICS_PUBLISHER,
    CACHEWARDEN_OPERATOR,
    CACHEWARDEN_SITE_READER,
    CACHEWARDEN_VAULT_POLICY_WRITER,
)
"""Every role definition that the sandbox knows."""
