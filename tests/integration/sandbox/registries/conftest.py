"""Docker Hub and a registry in front of it, served over TLS to the tests of the registries."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from sandbox.hub.accounts import Account, Organization, Plan
from sandbox.hub.models import Hub
from sandbox.oci.images import Image, multi_arch_image
from tests.fakes.clock import ManualClock
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.registries.acr_support import LOGIN, Registry, serving_registry
from tests.integration.sandbox.registries.support import HubServices, api_login, serving_hub


@pytest.fixture
def clock() -> ManualClock:
    """The time of all services in a test."""
    return ManualClock()


@pytest.fixture
def hub(clock: ManualClock) -> Hub:
    """A Docker Hub with nobody and nothing in it but `ratelimitpreview/test`."""
    return Hub(clock=clock.now)


@pytest_asyncio.fixture
async def served(hub: Hub) -> AsyncIterator[HubServices]:
    """The three services of that Docker Hub."""
    async with serving_hub(hub) as services:
        yield services


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that trusts the sandbox's authority and nothing else."""
    connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest_asyncio.fixture
async def registry(hub: Hub, clock: ManualClock) -> AsyncIterator[Registry]:
    """The registry `contoso` in front of that Docker Hub, with no rule, no image and no role given to anybody."""
    async with serving_registry(hub, clock) as made:
        yield made


@pytest.fixture
def account(hub: Hub) -> Account:
    """The account behind the rule's credential set."""
    return hub.add_account(*LOGIN)


@pytest.fixture
def nginx(hub: Hub) -> Image:
    """`nginx:1.27` at Docker Hub, for two platforms."""
    image = multi_arch_image("nginx:1.27")
    hub.publish("library/nginx", image, tag="1.27")
    return image


@pytest.fixture
def rule(registry: Registry, account: Account) -> str:
    """A rule for all of Docker Hub, with credentials."""
    registry.rules.add("docker-hub", "docker.io/*", "docker-hub/*", (account.username, account.password))
    return "docker-hub"


@pytest.fixture
def owner(hub: Hub) -> Account:
    """Somebody with a password and no second factor."""
    return hub.add_account("owner", "correct horse")


@pytest.fixture
def organization(hub: Hub, owner: Account) -> Organization:
    """The owner's organization on the Team plan."""
    return hub.add_organization("contoso", owners=frozenset({owner.username}), plan=Plan.TEAM)


@pytest_asyncio.fixture
async def bearer(owner: Account, http: aiohttp.ClientSession, served: HubServices) -> str:
    """The owner's login by password."""
    return await api_login(http, served, owner.username, owner.password)


@pytest.fixture
def app(registry: Registry) -> Image:
    """`team/app:1` for two platforms, in the registry from the start."""
    image = multi_arch_image("app")
    registry.acr.seed("team/app", image, tag="1")
    return image
