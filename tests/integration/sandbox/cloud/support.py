"""Resource Manager, Key Vault and the identity endpoint with one tenant, and the real SDKs pointed at them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.authorization.v2022_04_01.aio import AuthorizationManagementClient
from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import (
    AuthCredential,
    CacheRule,
    CacheRuleProperties,
    CredentialSet,
    CredentialSetProperties,
    IdentityProperties,
)

from sandbox.arm.access import AccessControl
from sandbox.arm.handlers import ArmService
from sandbox.arm.models import CLUSTER_TYPE, VAULT_TYPE, Arm
from sandbox.arm.registries import Registry
from sandbox.arm.roles import CACHEWARDEN_OPERATOR, KEY_VAULT_SECRETS_OFFICER, OWNER, RBAC_ADMINISTRATOR
from sandbox.frame.exchanges import ExchangeLog
from sandbox.identity.directory import Directory, Identity
from sandbox.identity.handlers import IdentityService
from sandbox.identity.tokens import TokenAuthority
from sandbox.vault.handlers import VaultService
from sandbox.vault.models import Vault
from sandbox.vault.reader import VaultReader
from tests.fakes.clock import ManualClock
from tests.fixtures.serving import serving, session_certificates

SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000001"
GROUP: Final = "rg"
REGISTRY: Final = "contoso"
SECRETS_USER: Final = "4633458b-17de-408a-b874-0445c86b69e6"
GRANT_CONDITION: Final = (
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR "
    "(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals "
    f"{{{SECRETS_USER}}} AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType] "
    "ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'})) AND "
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR "
    "(@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals "
    f"{{{SECRETS_USER}}}))"
)
"""What the product's identity may hand out: Key Vault Secrets User to service principals."""


class Logins:
    """A Docker Hub that takes the pairs that a test names."""

    def __init__(self) -> None:
        self.good: set[tuple[str, str]] = set()

    async def accepts(self, username: str, password: str) -> bool:
        """Whether the pair is one of them."""
        return (username, password) in self.good


class Repositories:
    """A data plane that holds the repositories that a test names."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def repositories(self, registry: str) -> frozenset[str]:
        """The names, whatever the registry."""
        del registry
        return frozenset(self.names)


class PrincipalCredential:
    """A credential of azure-core that signs in as some identity of the tenant."""

    def __init__(self, authority: TokenAuthority, identity: Identity) -> None:
        self._authority = authority
        self._identity = identity

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A token for the scope's resource."""
        [scope] = scopes
        token = self._authority.issue(
            audience=scope.removesuffix("/.default"),
            principal_id=self._identity.object_id,
            client_id=self._identity.client_id,
        )
        return AccessToken(token, int(self._authority.now().timestamp()) + 3600)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


class Cloud(msgspec.Struct, frozen=True):
    """The services of one tenant while they listen.

    Attributes:
        app: the product's identity, with the roles that it needs and no more.
        owner: somebody who may do everything in the subscription.
    """

    clock: ManualClock
    authority: TokenAuthority
    directory: Directory
    access: AccessControl
    arm: Arm
    vault: Vault
    registry: Registry
    logins: Logins
    repositories: Repositories
    app: Identity
    owner: Identity
    arm_service: ArmService
    vault_service: VaultService
    identity_service: IdentityService
    exchanges: ExchangeLog

    def credential(self, identity: Identity | None = None) -> PrincipalCredential:
        """A credential that signs in as an identity, the product's by default."""
        return PrincipalCredential(self.authority, identity or self.app)

    def registries(
        self, identity: Identity | None = None, *, credential: PrincipalCredential | None = None, **options: Any
    ) -> ContainerRegistryManagementClient:
        """The registry SDK; refusals come at once, without the SDK's own retries."""
        return ContainerRegistryManagementClient(
            credential or self.credential(identity),
            SUBSCRIPTION,
            **{
                "base_url": self.arm_service.base_url,
                "credential_scopes": ["https://management.azure.com/.default"],
                "connection_verify": str(session_certificates().ca),
                "retry_total": 0,
                "polling_interval": 0,
                **options,
            },
        )

    def roles(self, identity: Identity | None = None, **options: Any) -> AuthorizationManagementClient:
        """The authorization SDK."""
        return AuthorizationManagementClient(
            self.credential(identity),
            SUBSCRIPTION,
            base_url=self.arm_service.base_url,
            credential_scopes=["https://management.azure.com/.default"],
            connection_verify=str(session_certificates().ca),
            retry_total=0,
            **options,
        )

    def secrets(
        self, identity: Identity | None = None, *, credential: PrincipalCredential | None = None, **options: Any
    ) -> SecretClient:
        """The Key Vault SDK."""
        return SecretClient(
            self.vault_service.base_url,
            credential or self.credential(identity),
            connection_verify=str(session_certificates().ca),
            verify_challenge_resource=False,
            retry_total=0,
            **options,
        )

    def secret_id(self, name: str) -> str:
        """A versionless secret id in the vault."""
        return f"{self.vault_service.base_url}/secrets/{name}"

    def credential_set_id(self, name: str) -> str:
        """The ARM id of a credential set of the registry."""
        return f"{self.registry.id}/credentialSets/{name}"

    def put_good_credentials(self) -> None:
        """Secrets in the vault that Docker Hub accepts."""
        self.vault.write("dockerhub-username", "contosobot")
        self.vault.write("dockerhub-token", "dckr_pat_good")
        self.logins.good.add(("contosobot", "dckr_pat_good"))


@asynccontextmanager
async def serving_cloud() -> AsyncIterator[Cloud]:
    """A tenant with a registry, a vault and a cluster, and nothing in them."""
    clock = ManualClock(datetime.now(UTC).replace(microsecond=0))  # the SDKs hold tokens against the real time
    authority, directory = TokenAuthority(clock=clock.now), Directory(clock=clock.now)
    access = AccessControl(clock=clock.now)
    logins, repositories = Logins(), Repositories()
    vault_id = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{VAULT_TYPE}/contoso-kv"
    vault = Vault("contoso-kv", resource_id=vault_id, access=access, clock=clock.now)
    vault_service = VaultService(vault, authority)
    arm = Arm(
        access=access,
        directory=directory,
        secrets=VaultReader([vault_service], clock=clock.now),
        upstream=logins,
        clock=clock.now,
    )
    arm.connect(repositories)
    arm.inventory.add(VAULT_TYPE, "contoso-kv", subscription=SUBSCRIPTION, group=GROUP)
    arm.inventory.add(CLUSTER_TYPE, "prod", subscription=SUBSCRIPTION, group=GROUP)
    registry = arm.add_registry(REGISTRY, subscription=SUBSCRIPTION, group=GROUP)
    app, owner = directory.create("cachewarden"), directory.create("owner")
    access.grant(app.object_id, CACHEWARDEN_OPERATOR, registry.id)
    access.grant(app.object_id, RBAC_ADMINISTRATOR, vault_id, condition=GRANT_CONDITION)
    access.grant(app.object_id, KEY_VAULT_SECRETS_OFFICER, vault_id)
    access.grant(owner.object_id, OWNER, f"/subscriptions/{SUBSCRIPTION}")
    exchanges = ExchangeLog()
    arm_service = ArmService(arm, authority)
    identity_service = IdentityService(authority, header="header-of-the-app", system_assigned=app, clock=clock.now)
    async with serving(arm_service, vault_service, identity_service, exchanges=exchanges):
        arm.describe_vault(vault_id, vault_service.base_url)
        yield Cloud(
            clock,
            authority,
            directory,
            access,
            arm,
            vault,
            registry,
            logins,
            repositories,
            app,
            owner,
            arm_service,
            vault_service,
            identity_service,
            exchanges,
        )


def rule_body(source: str, target: str, credential_set: str | None = None) -> CacheRule:
    """A cache rule as the SDK takes it."""
    return CacheRule(
        properties=CacheRuleProperties(
            source_repository=source, target_repository=target, credential_set_resource_id=credential_set
        )
    )


def set_body(cloud: Cloud, *, login_server: str = "docker.io", identity: str = "SystemAssigned") -> CredentialSet:
    """A credential set over the vault's two secrets, as the SDK takes it."""
    credential = AuthCredential(
        name="Credential1",
        username_secret_identifier=cloud.secret_id("dockerhub-username"),
        password_secret_identifier=cloud.secret_id("dockerhub-token"),
    )
    return CredentialSet(
        identity=IdentityProperties(type=identity),
        properties=CredentialSetProperties(login_server=login_server, auth_credentials=[credential]),
    )


async def add_rule(
    client: ContainerRegistryManagementClient, name: str, source: str, target: str, credential_set: str | None = None
) -> CacheRule:
    """Create a rule and wait for it."""
    body = rule_body(source, target, credential_set)
    return await (await client.cache_rules.begin_create(GROUP, REGISTRY, name, body)).result()


async def add_set(cloud: Cloud, client: ContainerRegistryManagementClient, name: str = "docker-hub") -> CredentialSet:
    """Create the credential set for Docker Hub and wait for it."""
    return await (await client.credential_sets.begin_create(GROUP, REGISTRY, name, set_body(cloud))).result()


def refusal_of(error: HttpResponseError) -> tuple[int | None, str | None]:
    """Status and code of what the SDK raised."""
    return error.status_code, error.error.code if error.error is not None else None
