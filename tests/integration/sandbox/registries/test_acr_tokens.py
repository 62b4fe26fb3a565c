"""Signing in to the registry: docker's flow, the admin user, and how long tokens last."""

import base64
import json

import aiohttp
import pytest

from sandbox.acr.gate import TOKEN_USER
from sandbox.oci.images import Image, single_image
from sandbox.oci.refusals import PullRefused
from sandbox.oci.remote import Credentials
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.acr_support import ADMIN, Registry
from tests.integration.sandbox.registries.support import call


@pytest.mark.usefixtures("app")
class TestTokens:
    """What opens the registry, and for how long."""

    async def test_docker_pulls_with_the_zero_guid_and_a_refresh_token(self, registry: Registry, app: Image) -> None:
        """Basic at the token service, then Bearer at the registry."""
        credentials = registry.reader_credentials()

        async with registry.client() as client:
            pulled = await client.pull(f"{registry.acr.host}/team/app:1", credentials=credentials)

        assert pulled.digest == app.digest

    @pytest.mark.parametrize(
        "credentials",
        [
            Credentials("contoso", "wrong"),
            Credentials("nobody", ADMIN.password),
            Credentials(TOKEN_USER, "wrong"),
            None,
        ],
    )
    async def test_other_credentials_are_refused(self, registry: Registry, credentials: Credentials | None) -> None:
        """Wrong, unknown and missing ones; anonymous pull is off."""
        async with registry.client() as client:
            with pytest.raises(PullRefused) as refused:
                await client.pull(f"{registry.acr.host}/team/app:1", credentials=credentials)

        assert refused.value.status == 401

    async def test_the_admin_user_is_off_unless_enabled(self, registry: Registry) -> None:
        """`az acr update --admin-enabled` is what switches it on."""
        registry.acr.gate.admin = None

        async with registry.client() as client:
            with pytest.raises(PullRefused):
                await client.pull(f"{registry.acr.host}/team/app:1", credentials=ADMIN)

    @pytest.mark.parametrize("audience", ["https://vault.azure.net", "https://graph.microsoft.com"])
    async def test_a_token_for_another_service_is_not_exchanged(
        self, http: aiohttp.ClientSession, registry: Registry, audience: str
    ) -> None:
        """Only ACR's own audience and ARM's count."""
        registry.reader_credentials()
        statuses = []
        for wanted in ("https://management.azure.com/", audience):
            form = {"grant_type": "access_token", "access_token": registry.entra_token(audience=wanted)}
            statuses.append((await call(http, "POST", f"{registry.url}/oauth2/exchange", data=form)).status)

        assert statuses == [200, 401]

    async def test_tokens_end(self, http: aiohttp.ClientSession, registry: Registry, clock: ManualClock) -> None:
        """The access token after 75 minutes, the refresh token after three hours."""
        refresh = registry.reader_credentials().password
        form = {
            "grant_type": "refresh_token",
            "service": registry.acr.host,
            "scope": "repository:team/app:pull",
            "refresh_token": refresh,
        }
        access = (await call(http, "POST", f"{registry.url}/oauth2/token", data=form)).body["access_token"]
        url = f"{registry.url}/v2/team/app/manifests/1"

        statuses = [(await call(http, "GET", url, token=access)).status]
        clock.advance(75 * 60)
        statuses.append((await call(http, "GET", url, token=access)).status)
        statuses.append((await call(http, "POST", f"{registry.url}/oauth2/token", data=form)).status)
        clock.advance(105 * 60)
        statuses.append((await call(http, "POST", f"{registry.url}/oauth2/token", data=form)).status)

        assert statuses == [200, 401, 200, 401]

    async def test_an_access_token_opens_its_own_repository_only(
        self, http: aiohttp.ClientSession, registry: Registry
    ) -> None:
        """For another one the challenge speaks of insufficient scope."""
        registry.acr.seed("team/other", single_image("other"), tag="1")
        form = {
            "grant_type": "refresh_token",
            "scope": "repository:team/app:pull,push",
            "refresh_token": registry.reader_credentials().password,
        }
        access = (await call(http, "POST", f"{registry.url}/oauth2/token", data=form)).body["access_token"]

        own = await call(http, "GET", f"{registry.url}/v2/team/app/manifests/1", token=access)
        other = await call(http, "GET", f"{registry.url}/v2/team/other/manifests/1", token=access)
        push = await call(http, "POST", f"{registry.url}/v2/team/app/blobs/uploads/", token=access)

        assert (own.status, other.status, push.status) == (200, 401, 401)
        assert other.headers["WWW-Authenticate"] == (
            f'Bearer realm="{registry.url}/oauth2/token",service="{registry.acr.host}",'
            'scope="repository:team/other:pull",error="insufficient_scope"'
        )

    async def test_a_refresh_token_is_readable_as_azures_client_reads_it(self, registry: Registry) -> None:
        """The client takes `exp` out of the middle part with plain base64."""
        part = registry.reader_credentials().password.split(".")[1]

        assert json.loads(base64.b64decode(part + "=" * (len(part) % 4)))["exp"] > 0

    async def test_a_password_may_be_sent_with_every_request(
        self, http: aiohttp.ClientSession, registry: Registry
    ) -> None:
        """Basic on the registry API itself; the roles count as well."""
        reader = registry.reader_credentials()
        headers = {"Authorization": reader.header()}

        listed = await call(http, "GET", f"{registry.url}/v2/_catalog", headers=headers)
        push = await call(http, "POST", f"{registry.url}/v2/team/app/blobs/uploads/", headers=headers)

        assert (listed.status, listed.body) == (200, {"repositories": ["team/app"]})
        assert (push.status, push.body["errors"][0]["code"]) == (403, "DENIED")
