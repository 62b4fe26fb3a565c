"""Signing in to the registry, and what its own API tells: with Azure's client, docker's flow and the admin user."""

import base64
import io
import json

import aiohttp
import pytest
from azure.containerregistry import ArtifactManifestOrder, ArtifactTagOrder
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from sandbox.acr.gate import TOKEN_USER
from sandbox.arm.roles import ACR_CATALOG_LISTER, ACR_PULL, CONTRIBUTOR, READER
from sandbox.oci.images import Image, multi_arch_image, single_image
from sandbox.oci.refusals import PullRefused
from sandbox.oci.remote import Credentials
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.acr_support import ADMIN, Registry
from tests.integration.sandbox.registries.support import call


@pytest.fixture
def app(registry: Registry) -> Image:
    """`team/app:1` for two platforms, in the registry from the start."""
    image = multi_arch_image("app")
    registry.acr.seed("team/app", image, tag="1")
    return image


class TestAzuresClient:
    """`azure-containerregistry` 1.2.0, over TLS."""

    async def test_a_manifest_with_acr_pull(self, registry: Registry, app: Image) -> None:
        """Challenge, exchange, token, manifest."""
        async with registry.sdk(ACR_PULL) as client:
            found = await client.get_manifest("team/app", "1")

        assert (found.digest, found.media_type) == (app.digest, "application/vnd.oci.image.index.v1+json")

    @pytest.mark.usefixtures("app")
    async def test_without_a_role_the_exchange_is_refused(self, registry: Registry) -> None:
        """401 already at the first door."""
        async with registry.sdk() as client:
            with pytest.raises(ClientAuthenticationError):
                await client.get_manifest("team/app", "1")

        assert "/oauth2/exchange" in registry.exchanges.exchanges("registry")[-1].url

    @pytest.mark.usefixtures("app")
    async def test_the_catalog_lister_lists_and_does_not_pull(self, registry: Registry) -> None:
        """A role for the catalog alone gets no token for a repository."""
        async with registry.sdk(ACR_CATALOG_LISTER) as client:
            assert [name async for name in client.list_repository_names()] == ["team/app"]
            with pytest.raises(ClientAuthenticationError):
                await client.get_manifest("team/app", "1")

    async def test_an_empty_registry_lists_nothing(self, registry: Registry) -> None:
        """The body says null, which the client takes for an empty list."""
        async with registry.sdk(READER) as client:
            assert [name async for name in client.list_repository_names()] == []

    async def test_repositories_come_in_pages(self, registry: Registry) -> None:
        """The client follows `Link` to the end."""
        names = [f"team/app{number:02}" for number in range(7)]
        for name in names:
            registry.acr.seed(name, single_image(name), tag="1")

        async with registry.sdk(ACR_PULL) as client:
            found = [name async for name in client.list_repository_names(results_per_page=3)]

        assert names == found

    async def test_tags_and_manifests_have_their_properties(
        self, registry: Registry, app: Image, clock: ManualClock
    ) -> None:
        """Digest, platform, size and times; ordered by time when asked."""
        clock.advance(60)
        registry.acr.seed("team/app", single_image("app v2"), tag="2")
        amd64 = app.children[0].manifest

        async with registry.sdk(ACR_PULL) as client:
            repository = await client.get_repository_properties("team/app")
            newest = client.list_tag_properties(
                "team/app", order_by=ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING, results_per_page=1
            )
            tags = [tag.name async for tag in newest]
            manifests = [
                item.digest
                async for item in client.list_manifest_properties(
                    "team/app", order_by=ArtifactManifestOrder.LAST_UPDATED_ON_ASCENDING
                )
            ]
            tag = await client.get_tag_properties("team/app", "1")
            image = await client.get_manifest_properties("team/app", amd64.digest)

        assert (repository.tag_count, repository.manifest_count) == (2, 4)
        assert tags == ["2", "1"]
        assert set(manifests[:3]) == {item.digest for item in app.every_manifest()}
        assert (tag.digest, tag.last_updated_on.replace(tzinfo=None)) == (
            app.digest,
            (clock.now().replace(tzinfo=None)).replace(minute=0),
        )
        assert (image.architecture, image.operating_system) == ("amd64", "linux")
        assert image.size_in_bytes == len(amd64.data) + sum(len(blob.data) for blob in app.children[0].blobs)

    async def test_what_is_not_there_is_not_found(self, registry: Registry) -> None:
        """Repository, tag and manifest."""
        registry.acr.seed("team/app", single_image("app"), tag="1")
        async with registry.sdk(ACR_PULL) as client:
            for asked in (
                client.get_repository_properties("team/other"),
                client.get_tag_properties("team/app", "2"),
                client.get_manifest("team/app", "2"),
                client.get_manifest_properties("team/app", "sha256:" + "0" * 64),
            ):
                with pytest.raises(ResourceNotFoundError):
                    await asked

    async def test_blobs_are_downloaded_in_ranges(self, registry: Registry) -> None:
        """The client asks with Range and takes 206 only."""
        image = single_image("app")
        registry.acr.seed("team/app", image, tag="1")
        layer = image.blobs[1]

        async with registry.sdk(ACR_PULL) as client:
            stream = await client.download_blob("team/app", layer.digest)
            data = b"".join([part async for part in stream])

        assert data == layer.data

    async def test_an_image_is_pushed_and_deleted(self, registry: Registry) -> None:
        """Upload, manifest, one event; deletion sends one too."""
        image = single_image("app")
        async with registry.sdk(CONTRIBUTOR) as client:
            for blob in image.blobs:
                assert (await client.upload_blob("team/app", io.BytesIO(blob.data)))[0] == blob.digest
            digest = await client.set_manifest("team/app", io.BytesIO(image.manifest.data), tag="1")
            await client.delete_manifest("team/app", "1")

        assert digest == image.digest
        assert [(event["eventType"].rpartition(".")[2], event["subject"]) for event in registry.events] == [
            ("ImagePushed", "team/app:1"),
            ("ImageDeleted", "team/app"),
        ]
        assert registry.acr.repositories("contoso") == frozenset()

    async def test_a_repository_is_deleted_with_all_that_is_in_it(self, registry: Registry, app: Image) -> None:
        """One event for each manifest; the second time there is nothing to delete."""
        async with registry.sdk(CONTRIBUTOR) as client:
            await client.delete_repository("team/app")
            await client.delete_repository("team/app")

        deleted = {event["data"]["target"]["digest"] for event in registry.events}
        assert deleted == {item.digest for item in app.every_manifest()}

    async def test_a_manifest_without_its_blobs_is_refused(self, registry: Registry) -> None:
        """The registry never holds half an image."""
        async with registry.sdk(CONTRIBUTOR) as client:
            with pytest.raises(HttpResponseError) as refused:
                await client.set_manifest("team/app", io.BytesIO(single_image("app").manifest.data), tag="1")

        assert "MANIFEST_BLOB_UNKNOWN" in str(refused.value)

    @pytest.mark.parametrize("data", [b"no json", b"[]", b"{}", b'{"config": 1, "layers": []}'])
    async def test_what_is_no_manifest_is_refused(self, registry: Registry, data: bytes) -> None:
        """MANIFEST_INVALID, whatever it is instead."""
        async with registry.sdk(CONTRIBUTOR) as client:
            with pytest.raises(HttpResponseError) as refused:
                await client.set_manifest("team/app", io.BytesIO(data), tag="1")

        assert "MANIFEST_INVALID" in str(refused.value)

    @pytest.mark.parametrize("target", ["team/app", "team/*", "*"])
    async def test_pushes_below_a_rules_target_are_blocked(self, registry: Registry, target: str) -> None:
        """Static, wildcard, and the whole registry."""
        source = "docker.io/acme/*" if target.endswith("*") else "docker.io/acme/app"
        registry.rules.add("acme-rule", source, target)

        async with registry.sdk(CONTRIBUTOR) as client:
            with pytest.raises(HttpResponseError) as refused:
                await client.upload_blob("team/app", io.BytesIO(b"a layer"))

        assert refused.value.status_code == 403
        assert "acme-rule" in str(refused.value)


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
