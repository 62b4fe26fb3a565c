"""The identity endpoint as azure-identity meets it, and the tokens that it hands out."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient

from sandbox.frame.exchanges import ExchangeLog
from sandbox.identity.directory import Identity
from sandbox.identity.handlers import IdentityService
from sandbox.identity.tokens import ARM_AUDIENCES, VAULT_AUDIENCES, Principal, Rejection, TokenAuthority, TokenRejected
from tests.fakes.clock import ManualClock
from tests.fixtures.serving import serving, session_certificates
from tests.integration.sandbox.cloud.support import Cloud

ASKED = {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}
USER_ASSIGNED = "/subscriptions/s/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app"


@pytest.fixture
def app_settings(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The environment of an app with a managed identity."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", cloud.identity_service.endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", cloud.identity_service.header)
    return cloud


async def ask(service: IdentityService, header: str, **query: str) -> tuple[int, Any]:
    """A request without the SDK."""
    headers = {"X-IDENTITY-HEADER": header}
    async with (
        aiohttp.ClientSession() as session,
        session.get(service.endpoint, params=query, headers=headers) as response,
    ):
        return response.status, await response.json()


class TestSignIn:
    """The SDK's managed identity against the endpoint."""

    async def test_token_opens_the_vault(self, app_settings: Cloud) -> None:
        """What the endpoint hands out is what Key Vault takes, for the app's own identity."""
        app_settings.vault.write("dockerhub-token", "one")
        async with (
            ManagedIdentityCredential() as credential,
            SecretClient(
                app_settings.vault_service.base_url,
                credential,
                connection_verify=str(session_certificates().ca),
                verify_challenge_resource=False,
            ) as client,
        ):
            assert (await client.get_secret("dockerhub-token")).value == "one"

        [exchange] = app_settings.exchanges.exchanges("identity")
        assert exchange.url.startswith("http://localhost:")
        assert exchange.response_body["access_token"] == "***"

    async def test_token_says_who_calls(self, app_settings: Cloud) -> None:
        """A token carries tenant, object and application id, for the audience that was asked for."""
        async with ManagedIdentityCredential() as credential:
            token = await credential.get_token("https://management.azure.com/.default")

        principal = app_settings.authority.verify(token.token, audiences=ARM_AUDIENCES)
        app = app_settings.app
        assert principal == Principal(app.object_id, app_settings.authority.tenant_id, app.client_id)
        assert token.expires_on == int((app_settings.clock.now() + timedelta(days=1)).timestamp())

    async def test_wrong_header(self, app_settings: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        """A wrong header gives no token."""
        monkeypatch.setenv("IDENTITY_HEADER", "guessed")
        async with ManagedIdentityCredential(retry_total=0) as credential:
            with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
                await credential.get_token("https://vault.azure.net/.default")

        assert [one.status for one in app_settings.exchanges.exchanges("identity")] == [401]

    async def test_unknown_identity(self, app_settings: Cloud) -> None:
        """An identity that the app doesn't have gives no token."""
        async with ManagedIdentityCredential(client_id="c1111111-0000-0000-0000-000000000000") as credential:
            with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
                await credential.get_token("https://vault.azure.net/.default")

        assert [one.status for one in app_settings.exchanges.exchanges("identity")] == [400]


class TestEndpoint:
    """The endpoint's own rules."""

    @pytest_asyncio.fixture
    async def service(self, cloud: Cloud) -> AsyncIterator[IdentityService]:
        """An app with user-assigned identities and no system-assigned one."""
        identities = [cloud.directory.create("app", resource_id=USER_ASSIGNED), cloud.directory.create("other")]
        service = IdentityService(cloud.authority, header="secret", user_assigned=identities, clock=cloud.clock.now)
        async with serving(service, exchanges=ExchangeLog()):
            yield service

    async def test_user_assigned_identities(self, cloud: Cloud, service: IdentityService) -> None:
        """An identity is found by client id, object id or resource id, without regard to case."""
        app = _identity(cloud, "app")
        for selector in (
            {"client_id": app.client_id},
            {"principal_id": app.object_id},
            {"mi_res_id": USER_ASSIGNED.upper()},
        ):
            status, body = await ask(service, "secret", **ASKED, **selector)
            principal = cloud.authority.verify(body["access_token"], audiences=VAULT_AUDIENCES)

            assert (status, principal.object_id) == (200, app.object_id)

    @pytest.mark.parametrize(
        ("header", "query", "status"),
        [
            ("wrong", ASKED, 401),
            ("secret", {"api-version": "2017-09-01", "resource": "https://vault.azure.net"}, 400),
            ("secret", {"resource": "https://vault.azure.net"}, 400),
            ("secret", {"api-version": "2019-08-01"}, 400),
            ("secret", {"api-version": "2019-08-01", "resource": "https://elsewhere.example"}, 400),
            ("secret", ASKED, 400),
            (
                "secret",
                {
                    "api-version": "2019-08-01",
                    "resource": "https://vault.azure.net",
                    "client_id": "a",
                    "mi_res_id": "b",
                },
                400,
            ),
        ],
    )
    async def test_refusals(self, service: IdentityService, header: str, query: dict[str, str], status: int) -> None:
        """Wrong header, version, resource or identity, and an app without a system-assigned identity."""
        answered, body = await ask(service, header, **query)

        assert (answered, body["statusCode"]) == (status, status)
        assert "access_token" not in body


class TestTokens:
    """What services do with a token."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """A clock that the test moves."""
        return ManualClock()

    def test_token_ends(self, clock: ManualClock) -> None:
        """A token is good for its lifetime and not a second longer."""
        authority = TokenAuthority(clock=clock.now)
        token = authority.issue(audience="https://vault.azure.net", principal_id="p", client_id="c", lifetime_s=60)
        clock.advance(59)
        principal = authority.verify(token, audiences=VAULT_AUDIENCES)
        clock.advance(1)

        assert principal.object_id == "p"
        assert _rejection(authority, token) is Rejection.EXPIRED

    def test_rejections(self, clock: ManualClock) -> None:
        """Each way in which a token can be bad has a word of its own."""
        authority, other = TokenAuthority(clock=clock.now), TokenAuthority(clock=clock.now)
        ahead = ManualClock(clock.now() + timedelta(hours=1))
        early = TokenAuthority(clock=ahead.now, key=b"k" * 32)
        late = TokenAuthority(clock=clock.now, key=b"k" * 32)

        def issued(by: TokenAuthority, audience: str = "https://vault.azure.net") -> str:
            return by.issue(audience=audience, principal_id="p", client_id="c")

        assert _rejection(authority, "") is Rejection.MISSING
        assert _rejection(authority, "a.b.c") is Rejection.MALFORMED
        assert _rejection(authority, issued(other)) is Rejection.SIGNATURE
        assert _rejection(late, issued(early)) is Rejection.NOT_YET_VALID
        assert _rejection(authority, issued(authority, "x")) is Rejection.AUDIENCE

    @pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer "])
    def test_headers_without_token(self, header: str | None) -> None:
        """No header, another scheme and an empty token are all no token."""
        with pytest.raises(TokenRejected) as caught:
            TokenAuthority().verify_header(header, audiences=VAULT_AUDIENCES)

        assert caught.value.reason is Rejection.MISSING


def _identity(cloud: Cloud, name: str) -> Identity:
    [found] = [one for one in cloud.directory.identities() if one.name == name]
    return found


def _rejection(authority: TokenAuthority, token: str) -> Rejection:
    with pytest.raises(TokenRejected) as caught:
        authority.verify(token, audiences=VAULT_AUDIENCES)
    return caught.value.reason
