"""The registry through Azure's own client: pulls, lists, properties, pushes, deletion."""

import io

import pytest
from azure.containerregistry import ArtifactManifestOrder, ArtifactTagOrder
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from sandbox.arm.roles import ACR_CATALOG_LISTER, ACR_PULL, CONTRIBUTOR, READER
from sandbox.oci.images import Image, single_image
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.acr_support import Registry


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

    @pytest.mark.parametrize("data", [b"no json", b"[]", b"{}", b"[" * 200_000, b'{"config": 1, "layers": []}'])
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
