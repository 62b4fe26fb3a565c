"""What whoever may push can put in the place of a manifest or a configuration, through the real SDK.

A registry may refuse some of it when it is pushed; none of it may be more than an answer that says that it can't be
read, for as a defect it would come back with its message again and again.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.frame.faults import FaultRule
from sandbox.oci.content import OCI_INDEX, OCI_MANIFEST, Content
from sandbox.oci.images import Image
from sandbox.world import World
from shared.adapters.lineage import AcrLineage
from shared.adapters.registry_content import AcrContent
from shared.application.registry_ports import NotServed, PullRefused
from shared.domain.lineage import CHART_CONFIG
from shared.errors import TemporaryError
from tests.integration.sandbox.cloud.support import PrincipalCredential

UNREADABLE = {
    "arrays without end": b"[" * 200_000,
    "objects without end": b'{"annotations":' * 60_000,
    "a number without end": b'{"schemaVersion":' + b"1" * 5_000 + b"}",
    "no JSON": b"<html>",
    "half of one": b'{"schemaVersion":2,"config":',
}
NO_UTF8 = b'{"annotations":{"org.opencontainers.image.base.name":"\xff"}}'
NO_OBJECTS = {
    "a list": b"[]",
    "a number": b"7",
    "a text": b'"x"',
    "nothing": b"null",
    "nested lists": b"[" * 500 + b"]" * 500,
}


@pytest_asyncio.fixture
async def content(world: World) -> AsyncIterator[AcrContent]:
    """The adapter under test, signed in as the product's identity."""
    content = AcrContent(
        PrincipalCredential(world.tokens, world.app_identity), connection_verify=str(world.certificates.ca)
    )
    yield content
    await content.aclose()


def seeded(world: World, media_type: str, body: bytes) -> None:
    """Let `app:1` be a manifest of these very bytes."""
    world.acr.seed("app", Image(Content.of(media_type, body)), tag="1")


def configured(world: World, body: bytes) -> None:
    """Let `app:1` be a chart with these very bytes as its metadata."""
    config = Content.of(CHART_CONFIG, body)
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor, "layers": []}
    world.acr.seed("app", Image(Content.of_json(OCI_MANIFEST, manifest), blobs=(config,)), tag="1")


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX])
class TestManifests:
    """A manifest or an index."""

    @pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
    async def test_a_proof_is_not_given_up_for_it(
        self, world: World, content: AcrContent, media_type: str, body: bytes
    ) -> None:
        """The tag may name another manifest tomorrow."""
        seeded(world, media_type, body)
        with pytest.raises(NotServed) as caught:
            await content.manifest(world.login_server, "app", "1")
        assert caught.value.code == "unreadable_manifest"

    @pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
    async def test_it_is_made_of_nothing_that_can_be_read(
        self, world: World, content: AcrContent, media_type: str, body: bytes
    ) -> None:
        """That does not pass by itself."""
        seeded(world, media_type, body)
        with pytest.raises(PullRefused) as caught:
            await AcrLineage(content).made_of(world.login_server, "app", "1")
        assert caught.value.code == "unreadable_manifest"

    @pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS)
    async def test_what_is_no_object_names_nothing(
        self, world: World, content: AcrContent, media_type: str, body: bytes
    ) -> None:
        """Neither platforms nor images."""
        seeded(world, media_type, body)
        assert (await content.manifest(world.login_server, "app", "1")).platforms == {}
        assert await AcrLineage(content).made_of(world.login_server, "app", "1") == ()

    async def test_bytes_that_are_no_utf_8(self, world: World, content: AcrContent, media_type: str) -> None:
        """The SDK puts another character in their place, and so the text is no reference."""
        seeded(world, media_type, NO_UTF8)
        assert (await content.manifest(world.login_server, "app", "1")).platforms == {}
        assert await AcrLineage(content).made_of(world.login_server, "app", "1") == ()


class TestConfigurations:
    """A chart's metadata; an image's configuration is read by the same lines."""

    @pytest.mark.parametrize("body", [*UNREADABLE.values(), NO_UTF8], ids=[*UNREADABLE, "no UTF-8"])
    async def test_that_can_not_be_read(self, world: World, content: AcrContent, body: bytes) -> None:
        """That does not pass by itself."""
        configured(world, body)
        with pytest.raises(PullRefused) as caught:
            await AcrLineage(content).made_of(world.login_server, "app", "1")
        assert caught.value.code == "unreadable_config"

    @pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS)
    async def test_what_is_no_object_names_nothing(self, world: World, content: AcrContent, body: bytes) -> None:
        """No images."""
        configured(world, body)
        assert await AcrLineage(content).made_of(world.login_server, "app", "1") == ()


@pytest.mark.parametrize("path", ["/oauth2/exchange", "/oauth2/token"])
@pytest.mark.parametrize("media_type", ["text/html", "application/json"])
async def test_a_proxys_page_in_place_of_a_token(world: World, content: AcrContent, path: str, media_type: str) -> None:
    """It refuses nothing, and the next answer may be better: neither a proof nor a look is given up for it."""
    world.acr.seed("app", Image(Content.of(OCI_MANIFEST, b"{}")), tag="1")
    page = FaultRule(service="registry", path=path, status=200, body="<html>", headers={"Content-Type": media_type})
    world.faults.add(page)
    for look in (content.manifest, AcrLineage(content).made_of):
        with pytest.raises(TemporaryError) as caught:
            await look(world.login_server, "app", "1")
        assert caught.value.code == "unreadable_answer"
