"""The default scenario: who and what exists in a new world, under names that tests and the demo can rely on."""

from datetime import timedelta
from typing import Final

import msgspec

from sandbox.arm.access import AccessControl
from sandbox.arm.inventory import Inventory
from sandbox.arm.models import CLUSTER_TYPE, SITE_TYPE, VAULT_TYPE
from sandbox.arm.roles import (
    ACR_PULL,
    CACHEWARDEN_OPERATOR,
    CACHEWARDEN_SITE_READER,
    EVENT_GRID_DATA_SENDER,
    KEY_VAULT_SECRETS_OFFICER,
    KEY_VAULT_SECRETS_USER,
    LOG_ANALYTICS_DATA_READER,
    MONITORING_METRICS_PUBLISHER,
    RBAC_ADMINISTRATOR,
)
from sandbox.hub.models import Hub
from sandbox.hub.personal_tokens import NewPersonalToken
from sandbox.monitor.rules import AlertRule
from sandbox.oci.images import multi_arch_image, single_image
from sandbox.vault.models import Vault

SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000001"
GROUP: Final = "rg"
REGISTRY: Final = "contoso"
CLUSTER: Final = "prod"
SITE: Final = "shop-web"
SITE_IMAGE: Final = "bitnami/redis:7.4"
VAULT: Final = "contoso-kv"
WORKSPACE: Final = "11111111-1111-1111-1111-111111111111"
ACCOUNT: Final = "contosobot"
ACCOUNT_PASSWORD: Final = "owner-password-of-contosobot"
TARGET: Final = "docker-hub"
_PROVIDERS: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
_REGISTRIES: Final = f"{_PROVIDERS}/Microsoft.ContainerRegistry/registries"
REGISTRY_ID: Final = f"{_REGISTRIES}/{REGISTRY}"
CLUSTER_ID: Final = f"{_PROVIDERS}/Microsoft.ContainerService/managedClusters/{CLUSTER}"
SITE_ID: Final = f"{_PROVIDERS}/Microsoft.Web/sites/{SITE}"
VAULT_ID: Final = f"{_PROVIDERS}/Microsoft.KeyVault/vaults/{VAULT}"
WORKSPACE_ID: Final = f"{_PROVIDERS}/Microsoft.OperationalInsights/workspaces/contoso-logs"
TOPIC_ID: Final = f"{_PROVIDERS}/Microsoft.EventGrid/topics/cachewarden"
INSIGHTS_ID: Final = f"{_PROVIDERS}/Microsoft.Insights/components/cachewarden"
APP_ID: Final = f"{_PROVIDERS}/Microsoft.Web/sites/cachewarden"
ONLY_SECRETS_USER: Final = (
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR "
    "(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals "
    f"{{{KEY_VAULT_SECRETS_USER.id}}} AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType] "
    "ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'})) AND "
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR "
    "(@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals "
    f"{{{KEY_VAULT_SECRETS_USER.id}}} AND @Resource[Microsoft.Authorization/roleAssignments:PrincipalType] "
    "ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}))"
)
"""The condition under which the app may hand out roles on the vault: this one role, to service principals only."""


class Secrets(msgspec.Struct, frozen=True):
    """The names of the vault's secrets."""

    username: str = "dockerhub-username"
    token: str = "dockerhub-token"
    owner: str = "dockerhub-owner"


SECRETS: Final = Secrets()
CHANNEL_SECRETS: Final = ("teams-url", "slack-url", "webhook-url", "webhook-keys", "mail-url")
"""Secrets of channels that a test may set up; an operator names such in the templates' `readSecrets`."""
TABLES: Final = ("KubeEvents", "KubePodInventory")
"""The tables of the workspace: what Container insights writes; others come with their first row."""
ALERT_RULE: Final = AlertRule(
    name="cachewarden-pull-limit",
    workspace=WORKSPACE,
    query=(
        "KubeEvents\n"
        "| where ObjectKind =~ 'Pod' and Reason in~ ('Failed', 'BackOff')\n"
        "| where Message has_any ('toomanyrequests', '429 Too Many Requests', 'pull rate limit')"
    ),
    window=timedelta(minutes=5),
    description="Image pulls failed because a pull limit was reached.",
    stateful=False,
)


def fill_inventory(inventory: Inventory) -> None:
    """Add the cluster, the vault and the site; the vault says its address once it is served."""
    site = {
        "state": "Running",
        "enabled": True,
        "defaultHostName": f"{SITE}.azurewebsites.net",
        "siteConfig": {"numberOfWorkers": 1, "linuxFxVersion": f"DOCKER|{SITE_IMAGE}", "alwaysOn": True},
    }
    for kind, name, properties in ((CLUSTER_TYPE, CLUSTER, {}), (VAULT_TYPE, VAULT, {}), (SITE_TYPE, SITE, site)):
        inventory.add(kind, name, subscription=SUBSCRIPTION, group=GROUP, properties=properties)


def registry_id(name: str) -> str:
    """The ARM id of a registry of the scenario's group."""
    return f"{_REGISTRIES}/{name}"


def grant_registry_roles(access: AccessControl, principal_id: str, registry: str) -> None:
    """Give the app's identity its roles on one registry, an ARM id."""
    access.grant(principal_id, CACHEWARDEN_OPERATOR, registry)
    access.grant(principal_id, ACR_PULL, registry)


def grant_app_roles(access: AccessControl, principal_id: str) -> None:
    """Give the app's identity the roles that infra/ gives it, and no more (tests/infra compares them)."""
    grant_registry_roles(access, principal_id, REGISTRY_ID)
    for secret in (SECRETS.username, SECRETS.token, f"{SECRETS.token}-next"):
        access.grant(principal_id, KEY_VAULT_SECRETS_OFFICER, f"{VAULT_ID}/secrets/{secret}")
    for secret in (SECRETS.owner, f"{SECRETS.owner}-name", *CHANNEL_SECRETS):
        access.grant(principal_id, KEY_VAULT_SECRETS_USER, f"{VAULT_ID}/secrets/{secret}")
    access.grant(principal_id, RBAC_ADMINISTRATOR, VAULT_ID, condition=ONLY_SECRETS_USER)
    access.grant(principal_id, CACHEWARDEN_SITE_READER, SITE_ID)
    access.grant(principal_id, LOG_ANALYTICS_DATA_READER, WORKSPACE_ID)
    access.grant(principal_id, EVENT_GRID_DATA_SENDER, TOPIC_ID)
    access.grant(principal_id, MONITORING_METRICS_PUBLISHER, INSIGHTS_ID)


def fill_hub(hub: Hub) -> str:
    """Add the account and the images to Docker Hub; returns the text of the account's token."""
    account = hub.add_account(ACCOUNT, ACCOUNT_PASSWORD)
    for repository, tag in (
        ("jannemattila/webapp-network-tester", "1.0.47"),
        ("bitnami/redis", "7.4"),
        ("bitnami/postgresql", "17"),
    ):
        hub.publish(repository, single_image(f"{repository}:{tag}"), tag=tag)
    for repository, tag in (("library/nginx", "1.27"), ("library/redis", "7"), ("library/python", "3.13")):
        hub.publish(repository, multi_arch_image(f"{repository}:{tag}"), tag=tag)
    token = hub.personal.create(account, NewPersonalToken(token_label="made by hand", scopes=["repo:public_read"]))
    return token.text


def fill_vault(vault: Vault, token: str) -> None:
    """Put the account's name, token and password into the vault."""
    vault.write(SECRETS.username, ACCOUNT)
    vault.write(SECRETS.token, token)
    vault.write(SECRETS.owner, ACCOUNT_PASSWORD)


def policy_text(*, vault: str, topic: str, mode: str = "enforce") -> str:
    """The scenario's policy; `vault` and `topic` are addresses."""
    return f"""\
version: 1
mode: {mode}
registries:
  - id: {REGISTRY_ID}
    serves:
      - {CLUSTER_ID}
      - {SITE_ID}
sources:
  workspaces: ["{WORKSPACE}"]
upstreams:
  docker.io:
    target: {TARGET}
    granularity: repository
    allow: ["library/*", "bitnami/**", "jannemattila/**"]
    credential: hub
credentials:
  hub:
    provider: personal
    vault: {vault}
    vault_id: {VAULT_ID}
    username_secret: {SECRETS.username}
    token_secret: {SECRETS.token}
    owner_secret: {SECRETS.owner}
    rotate_every: 30d
    grace: 1d
notifications:
  channels:
    topic: {{kind: event_grid, endpoint: "{topic}"}}
  routes:
    - {{channels: [topic]}}
"""
