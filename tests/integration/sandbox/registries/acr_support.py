"""A registry in front of Docker Hub for the tests, with a rule book that is written by hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from azure.containerregistry.aio import ContainerRegistryClient

from sandbox.acr.gate import TOKEN_USER
from sandbox.acr.handlers import AcrService
from sandbox.acr.models import Acr
from sandbox.acr.ports import CredentialsUnavailable
from sandbox.arm.access import AccessControl
from sandbox.arm.roles import ACR_PULL, RoleDefinition
from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import Faults
from sandbox.hub.auth_handlers import HubAuthService
from sandbox.hub.models import Hub
from sandbox.hub.registry_handlers import HubRegistryService
from sandbox.identity.tokens import TokenAuthority
from sandbox.oci.client import OciClient, PulledImage
from sandbox.oci.remote import Credentials
from tests.fakes.clock import ManualClock
from tests.fixtures.credentials import StaticCredential
from tests.fixtures.serving import serving, session_certificates

REGISTRY_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.ContainerRegistry/registries/contoso"
)
ADMIN = Credentials("contoso", "the admin's password")
READER = "33333333-3333-3333-3333-333333333333"
LOGIN = ("contosobot", "a personal token")
NGINX = "docker-hub/library/nginx"


class WrittenRule(msgspec.Struct, frozen=True):
    """A cache rule."""

    name: str
    source: str
    target: str


class WrittenRules:
    """A rule book that says what the test wrote into it.

    Attributes:
        written: the rules that are honoured.
        logins: the credentials of each rule's set; a text instead of them is why the set is unhealthy.
    """

    def __init__(self) -> None:
        self.written: list[WrittenRule] = []
        self.logins: dict[str, tuple[str, str] | str] = {}

    def add(self, name: str, source: str, target: str, login: tuple[str, str] | str | None = None) -> None:
        """Write a rule, with the credentials of its set if it has one."""
        self.written.append(WrittenRule(name, source, target))
        if login is not None:
            self.logins[name] = login

    def rules(self, registry: str) -> Sequence[WrittenRule]:
        """What was written; nothing for another registry."""
        return self.written if registry == "contoso" else []

    async def credentials(self, registry: str, rule_name: str) -> tuple[str, str] | None:
        """What was written for the rule."""
        login = self.logins.get(rule_name) if registry == "contoso" else None
        if isinstance(login, str):
            raise CredentialsUnavailable(login)
        return login


class Registry(msgspec.Struct, frozen=True):
    """The registry as the tests hold it."""

    acr: Acr
    rules: WrittenRules
    authority: TokenAuthority
    access: AccessControl
    events: list[dict[str, Any]]
    exchanges: ExchangeLog
    faults: Faults

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.acr.base_url

    def client(self) -> OciClient:
        """An OCI client that pulls from loopback only."""
        return OciClient(hosts={}, tls=session_certificates().client_context())

    async def pull(self, image: str, *, platform: str = "linux/amd64", settle: bool = True) -> PulledImage:
        """Pull as the admin user, and wait for the copies unless `settle` is False."""
        async with self.client() as client:
            pulled = await client.pull(f"{self.acr.host}/{image}", platform, credentials=ADMIN)
        if settle:
            await self.acr.cache.settle()
        return pulled

    def entra_token(self, *, principal: str = READER, audience: str = "https://containerregistry.azure.net") -> str:
        """A token of Entra ID for the registry."""
        return self.authority.issue(audience=audience, principal_id=principal, client_id="app")

    def sdk(self, *roles: RoleDefinition, principal: str = READER) -> ContainerRegistryClient:
        """Azure's client, signed in as a principal that is given these roles on the registry."""
        for role in roles:
            self.access.grant(principal, role, REGISTRY_ID)
        credential = StaticCredential(self.entra_token(principal=principal))
        ca = str(session_certificates().ca)
        return ContainerRegistryClient(self.url, credential, connection_verify=ca)

    def reader_credentials(self) -> Credentials:
        """What `docker login` stores for a principal with AcrPull: the zero GUID and a refresh token."""
        self.access.grant(READER, ACR_PULL, REGISTRY_ID)
        return Credentials(TOKEN_USER, self.acr.gate.exchange(self.entra_token()))

    def upstream_requests(self) -> list[tuple[str, str]]:
        """What Docker Hub's registry was asked, as method and path."""
        asked = self.exchanges.exchanges("hub_registry")
        return [(item.method, item.url.partition("/v2")[2]) for item in asked if item.status < 400]


@asynccontextmanager
async def serving_registry(hub: Hub, clock: ManualClock) -> AsyncIterator[Registry]:
    """The registry `contoso` and the Docker Hub behind it, over TLS."""
    rules, events, exchanges, faults = WrittenRules(), list[dict[str, Any]](), ExchangeLog(), Faults()
    authority, access = TokenAuthority(clock=clock.now), AccessControl(clock=clock.now)
    auth = HubAuthService(hub)
    hub_registry = HubRegistryService(hub, auth)

    async def take(event: dict[str, Any]) -> None:
        events.append(event)

    acr = Acr(
        "contoso",
        REGISTRY_ID,
        rules=rules,
        verifier=authority,
        access=access,
        upstreams={"docker.io": hub_registry},
        tls=session_certificates().client_context(),
        on_push=take,
        on_delete=take,
        clock=clock.now,
    )
    acr.gate.admin = ADMIN
    async with serving(auth, hub_registry, AcrService(acr), exchanges=exchanges, faults=faults):
        yield Registry(acr, rules, authority, access, events, exchanges, faults)
