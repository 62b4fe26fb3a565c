"""The app's identity against an emulated identity endpoint of App Service."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox import scenario
from sandbox.frame.faults import FaultRule
from sandbox.identity.tokens import ARM_AUDIENCES
from sandbox.world import World
from shared.adapters.arm import ArmRegistries
from shared.adapters.azure_errors import IdentityUnavailable
from shared.adapters.identity import AppIdentity, has_managed_identity

SCOPE = "https://management.azure.com/.default"


@pytest.fixture(autouse=True)
def _environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the platform sets."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", world.urls.identity)
    monkeypatch.setenv("IDENTITY_HEADER", world.identity_service.header)


@pytest_asyncio.fixture
async def identity() -> AsyncIterator[AppIdentity]:
    """The system-assigned managed identity."""
    made = AppIdentity(managed=True)
    yield made
    await made.close()


class TestTokens:
    """Tokens of the managed identity."""

    async def test_a_token(self, world: World, identity: AppIdentity) -> None:
        """A token is the app's, for what was asked for."""
        token = await identity.get_token(SCOPE)

        principal = world.tokens.verify(token.token, audiences=ARM_AUDIENCES)
        assert principal.object_id == world.app_identity.object_id

    async def test_many_at_once(self, world: World, identity: AppIdentity) -> None:
        """Many who need the same token ask once, and one that is still good is not asked for again."""
        tokens = await asyncio.gather(*(identity.get_token(SCOPE) for _ in range(10)))
        again = await identity.get_token(SCOPE)

        assert {token.token for token in tokens} == {again.token}
        assert len(world.exchanges.exchanges("identity")) == 1

    async def test_one_who_gave_up(self, world: World, identity: AppIdentity) -> None:
        """A slow token that its first caller no longer waits for serves the next."""
        fault = world.faults.add(FaultRule(service="identity", hold=True))
        impatient = asyncio.create_task(identity.get_token(SCOPE))
        await fault.wait_until_held()
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        next_one = asyncio.create_task(identity.get_token(SCOPE))
        await asyncio.sleep(0)
        fault.release()

        assert (await next_one).token
        assert fault.fired == 1

    async def test_a_user_assigned_one(self, world: World) -> None:
        """A client id asks for that identity; one that the app does not have is temporary trouble with a hint."""
        identity = AppIdentity(managed=True, client_id="00000000-0000-0000-0000-00000000abcd")
        with pytest.raises(IdentityUnavailable) as caught:
            await identity.get_token(SCOPE)
        await identity.close()

        assert "AZURE_CLIENT_ID" in caught.value.hint
        assert "client_id=00000000" in world.exchanges.exchanges("identity")[-1].url

    async def test_no_endpoint(self, world: World) -> None:
        """An adapter whose identity endpoint is gone raises a temporary error."""
        world.faults.add(FaultRule(service="identity", status=400))
        identity = AppIdentity(managed=True)
        adapter = ArmRegistries(identity, endpoint=world.urls.arm, connection_verify=str(world.certificates.ca))
        with pytest.raises(IdentityUnavailable):
            await adapter.read(scenario.REGISTRY_ID)
        await adapter.aclose()
        await identity.close()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"IDENTITY_ENDPOINT": ""}, False),
        ({"IDENTITY_ENDPOINT": "http://localhost/msi/token"}, True),
        ({"MSI_ENDPOINT": "http://localhost/msi/token"}, True),
        ({"AZURE_CLIENT_ID": "00000000-0000-0000-0000-00000000abcd"}, True),
    ],
)
def test_where_there_is_one(environ: dict[str, str], *, expected: bool) -> None:
    """The platform's variables say whether there is a managed identity."""
    assert has_managed_identity(environ) is expected
