"""Key Vault's challenge with verification on: a token leaves for nobody but the vault whose address it was made for.

The sandbox's vault is reached under names that are no loopback, by a resolver that leads all of them to its port; so
the SDK verifies as it does in production. It keeps challenges for the whole process, hence a name for each test.
"""

import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver, ResolveResult
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AioHttpTransport
from yarl import URL

from sandbox.frame.faults import FaultRule
from sandbox.identity.directory import Identity
from sandbox.identity.tokens import TokenAuthority
from sandbox.world import World
from shared.adapters.key_vault import KeyVaults
from shared.adapters.key_vault_calls import ChallengeRefused
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.cloud.support import PrincipalCredential

LOGIN = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111"


class Leading(AbstractResolver):
    """Leads every name to one port of this machine, and remembers the names."""

    def __init__(self, port: int) -> None:
        self.names: set[str] = set()
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """This machine."""
        del port, family
        self.names.add(host)
        where = {"hostname": host, "host": "127.0.0.1", "port": self._port}
        return [ResolveResult(**where, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST)]  # type: ignore[typeddict-item]  # the rest of it

    async def close(self) -> None:
        """Nothing is open."""


class Remembering(PrincipalCredential):
    """A credential that remembers what tokens were asked for."""

    def __init__(self, authority: TokenAuthority, identity: Identity) -> None:
        super().__init__(authority, identity)
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for the scope's resource."""
        self.scopes += scopes
        return await super().get_token(*scopes, **options)


class Reached:
    """The adapter, whom it resolved, and which tokens it asked for."""

    def __init__(self, world: World) -> None:
        self.resolver = Leading(URL(world.urls.vault).port or 0)
        self.credential = Remembering(world.tokens, world.app_identity)
        tls = session_certificates().client_context()
        tls.check_hostname = False  # the sandbox's authority issues for this machine only; the chain is verified
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=self.resolver, ssl=tls))
        transport = AioHttpTransport(session=self.session, session_owner=False)
        self.vaults = KeyVaults(self.credential, transport=transport)
        self.host = f"contoso-{URL(world.urls.vault).port}.vault.azure.net"
        self.vault = f"https://{self.host}"


@pytest_asyncio.fixture
async def reached(world: World) -> AsyncIterator[Reached]:
    """The adapter as it is in production, with another way to the network."""
    one = Reached(world)
    yield one
    await one.vaults.aclose()
    await one.session.close()


def challenge(resource: str, *, login: str = LOGIN, times: int | None = None) -> FaultRule:
    """What answers at the vault's address wants a token for this resource."""
    headers = {"WWW-Authenticate": f'Bearer authorization="{login}", resource="{resource}"'}
    return FaultRule(service="vault", status=401, headers=headers, times=times)


def tokens_sent(world: World) -> int:
    """How many requests carried a token."""
    return sum(
        "authorization" in {k.lower() for k in one.request_headers} for one in world.exchanges.exchanges("vault")
    )


class TestVerified:
    """What the SDK's verification lets through, and what not."""

    async def test_the_real_one(self, world: World, reached: Reached) -> None:
        """A vault's own challenge is met with a token for Key Vault."""
        found = await reached.vaults.read(reached.vault, "dockerhub-username")

        assert found is not None
        assert reached.credential.scopes == ["https://vault.azure.net/.default"]
        assert tokens_sent(world) == 1

    @pytest.mark.parametrize(
        "resource",
        ["https://management.azure.com", "https://evil.example", "https://vault.azure.net.evil.example", "https://"],
    )
    async def test_another_resource(self, world: World, reached: Reached, resource: str) -> None:
        """A challenge for somebody else's resource gets no token, not even one that is asked for."""
        world.faults.add(challenge(resource))
        with pytest.raises(ChallengeRefused):
            await reached.vaults.read(reached.vault, "dockerhub-username")
        with pytest.raises(ChallengeRefused):
            await reached.vaults.write(reached.vault, "dockerhub-token", "secret text", tags={}, expires_on=None)

        assert reached.credential.scopes == []
        assert tokens_sent(world) == 0
        assert all(one.request_body is None for one in world.exchanges.exchanges("vault"))

    @pytest.mark.parametrize(
        "address",
        ["https://contoso-kv.vault.azure.net.evil.example", "https://evil.example", "https://vault.azure.net"],
    )
    async def test_another_address(self, world: World, reached: Reached, address: str) -> None:
        """A host that is no vault gets no token by sending a vault's own challenge."""
        with pytest.raises(ChallengeRefused):
            await reached.vaults.read(address, "dockerhub-username")

        assert reached.credential.scopes == []
        assert tokens_sent(world) == 0

    async def test_another_authority(self, world: World, reached: Reached) -> None:
        """Where tokens are to come from is not the challenge's to say: the app's identity is asked, nobody else."""
        tenant = LOGIN.rpartition("/")[2]
        world.faults.add(challenge("https://vault.azure.net", login=f"https://evil.example/{tenant}", times=1))
        found = await reached.vaults.read(reached.vault, "dockerhub-username")

        assert found is not None
        assert reached.credential.scopes == ["https://vault.azure.net/.default"]
        assert reached.resolver.names == {reached.host}
