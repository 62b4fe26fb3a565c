"""Docker Hub's registry: who may pull from which repository, and what is found there."""

import aiohttp
import pytest

from sandbox.hub.models import Hub
from sandbox.oci.images import ARM64, multi_arch_image, single_image
from sandbox.oci.refusals import PullRefused
from sandbox.oci.remote import Credentials
from tests.integration.sandbox.registries.support import HubServices, call, registry_token


class TestAccess:
    """Which repositories a client may pull from."""

    async def test_no_token_is_challenged_with_the_scope(
        self, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """The challenge names the token service's own address."""
        reply = await call(http, "GET", f"{served.registry}/v2/library/nginx/manifests/1.27")

        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"] == (
            f'Bearer realm="{served.auth}/token",service="registry.docker.io",scope="repository:library/nginx:pull"'
        )

    async def test_a_repository_that_is_not_there_looks_like_one_that_is_private(
        self, hub: Hub, served: HubServices
    ) -> None:
        """Both end in insufficient scope, and never in 404."""
        hub.publish("contoso/secret", single_image("secret"), tag="1", private=True)

        for image in ("contoso/secret:1", "contoso/nothing:1"):
            async with served.client() as client:
                with pytest.raises(PullRefused) as refused:
                    await client.pull(image)
            assert refused.value.status == 401
            assert refused.value.scope_missing

    async def test_the_owner_pulls_a_private_repository(self, hub: Hub, served: HubServices) -> None:
        """The account in whose namespace it lies may."""
        hub.add_account("contoso", "correct horse")
        image = single_image("secret", platform=ARM64)
        hub.publish("contoso/secret", image, tag="1", private=True)

        async with served.client() as client:
            pulled = await client.pull("contoso/secret:1", credentials=Credentials("contoso", "correct horse"))

        assert pulled.digest == image.digest

    async def test_an_unknown_tag_is_no_pull(self, hub: Hub, served: HubServices) -> None:
        """404, and nothing is counted."""
        hub.publish("library/nginx", single_image("nginx"), tag="1.27")

        async with served.client() as client:
            with pytest.raises(PullRefused) as refused:
                await client.pull("nginx:0")

        assert refused.value.status == 404
        assert hub.limits.pulls.total() == 0

    async def test_an_index_is_not_found_by_a_client_that_does_not_name_its_form(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """An Accept header without the index's media type gets a 404 that says so."""
        hub.publish("library/nginx", multi_arch_image("nginx"), tag="1.27")
        token = (await registry_token(http, served, repository="library/nginx")).body["token"]

        url = f"{served.registry}/v2/library/nginx/manifests/1.27"
        reply = await call(http, "GET", url, token=token, headers={"Accept": "application/json"})

        assert reply.status == 404
        assert reply.body["errors"][0]["message"] == "OCI index found, but accept header does not support OCI indexes"

    async def test_tags_come_in_pages(self, hub: Hub, http: aiohttp.ClientSession, served: HubServices) -> None:
        """`Link` leads on to the rest."""
        for tag in ("1", "2", "3"):
            hub.publish("library/nginx", single_image("nginx"), tag=tag)
        token = (await registry_token(http, served, repository="library/nginx")).body["token"]

        first = await call(http, "GET", f"{served.registry}/v2/library/nginx/tags/list?n=2", token=token)
        link = first.headers["Link"].partition(">")[0].removeprefix("<")
        second = await call(http, "GET", served.registry + link, token=token)

        assert first.body == {"name": "library/nginx", "tags": ["1", "2"]}
        assert second.body["tags"] == ["3"]
        assert "Link" not in second.headers
