"""What things in a registry are made of, through the real SDK: annotations, labels, charts, and what is too much."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sandbox.frame.faults import FaultRule
from sandbox.oci.content import OCI_INDEX, OCI_MANIFEST, Content
from sandbox.oci.images import Image, multi_arch_image, single_image
from sandbox.world import World
from shared.adapters.lineage import AcrLineage
from shared.adapters.registry_content import AcrContent
from shared.application.registry_ports import NotServed, PullRefused
from shared.domain.lineage import BASE_NAME, CHART_CONFIG, CHART_IMAGES, MOST_IMAGES
from tests.integration.sandbox.cloud.support import PrincipalCredential

NODE = "docker.io/library/node:20"
BASE = {BASE_NAME: NODE}
MEBIBYTE = 1024 * 1024


@pytest_asyncio.fixture
async def lineage(world: World) -> AsyncIterator[AcrLineage]:
    """The adapter under test, signed in as the product's identity."""
    content = AcrContent(
        PrincipalCredential(world.tokens, world.app_identity), connection_verify=str(world.certificates.ca)
    )
    yield AcrLineage(content)
    await content.aclose()


def annotated(image: Image, annotations: dict[str, str]) -> Image:
    """The same image with annotations on its manifest or index."""
    document = json.loads(image.manifest.data) | {"annotations": annotations}
    return Image(Content.of_json(image.manifest.media_type, document), image.children, image.blobs)


def index_of(*images: Image) -> Image:
    """An index that lists images or indexes."""
    listed = [image.manifest.descriptor for image in images]
    return Image(
        Content.of_json(OCI_INDEX, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}), children=images
    )


def chart_of(config: Content, **descriptor: Any) -> Image:
    """A chart whose manifest says this about its configuration."""
    listed = config.descriptor | descriptor
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": listed, "layers": []}
    return Image(Content.of_json(OCI_MANIFEST, manifest), blobs=(config,))


def config_of_size(size: int) -> Content:
    """A chart's metadata of exactly so many bytes, which names an image."""
    document = {"annotations": BASE, "padding": ""}
    bare = len(Content.of_json(CHART_CONFIG, document).data)
    return Content.of_json(CHART_CONFIG, document | {"padding": "x" * (size - bare)})


def chart(metadata: dict[str, Any]) -> Image:
    """A Helm chart in OCI form."""
    return chart_of(Content.of_json(CHART_CONFIG, metadata))


async def made_of(world: World, lineage: AcrLineage, image: Image) -> list[str]:
    """What an image in the registry is made of."""
    world.acr.seed("app", image, tag="1")
    return [str(reference) for reference in await lineage.made_of(world.login_server, "app", "1")]


class TestMadeOf:
    """`Lineage.made_of`."""

    async def test_an_annotation_of_a_manifest(self, world: World, lineage: AcrLineage) -> None:
        """As Docker's builder and buildah write it."""
        image = annotated(single_image("app"), BASE)
        assert await made_of(world, lineage, image) == ["docker.io/library/node:20"]

    async def test_an_annotation_of_an_index(self, world: World, lineage: AcrLineage) -> None:
        """The platforms' manifests have none of their own."""
        image = annotated(multi_arch_image("app"), BASE)
        assert await made_of(world, lineage, image) == ["docker.io/library/node:20"]

    async def test_a_label_of_nested_images(self, world: World, lineage: AcrLineage) -> None:
        """The same in each platform counts once."""
        image = multi_arch_image("app", labels={BASE_NAME: "node:20"})
        assert await made_of(world, lineage, image) == ["docker.io/library/node:20"]

    async def test_an_index_in_an_index(self, world: World, lineage: AcrLineage) -> None:
        """The specification allows it."""
        image = index_of(index_of(annotated(single_image("app"), BASE)))
        assert await made_of(world, lineage, image) == ["docker.io/library/node:20"]

    async def test_no_more_than_a_dozen_manifests(self, world: World, lineage: AcrLineage) -> None:
        """Of two hundred platforms a few say what all say."""
        image = index_of(*(annotated(single_image(f"p{number}"), BASE) for number in range(200)))

        assert await made_of(world, lineage, image) == ["docker.io/library/node:20"]
        read = [e for e in world.exchanges.exchanges("registry", path="/manifests/") if e.status == 200]
        assert len(read) == 12

    async def test_a_charts_metadata(self, world: World, lineage: AcrLineage) -> None:
        """A list in YAML within JSON; what is no reference is left out."""
        images = "- name: web\n  image: nginx:1.27\n- name: db\n  image: 'bitnami/redis:7.4'\n- image: $(id)\n"
        assert await made_of(world, lineage, chart({"name": "shop", "annotations": {CHART_IMAGES: images}})) == [
            "docker.io/library/nginx:1.27",
            "docker.io/bitnami/redis:7.4",
        ]

    @pytest.mark.parametrize(
        "metadata", [{}, {"annotations": None}, {"annotations": {CHART_IMAGES: 7}}, {"config": {"Labels": []}}]
    )
    async def test_metadata_that_names_none(self, world: World, lineage: AcrLineage, metadata: dict[str, Any]) -> None:
        """Nothing, and no error."""
        assert await made_of(world, lineage, chart(metadata)) == []

    async def test_an_image_that_is_gone(self, world: World, lineage: AcrLineage) -> None:
        """Maybe it comes yet."""
        with pytest.raises(NotServed):
            await lineage.made_of(world.login_server, "app", "1")

    async def test_only_a_digest_leads_further(self, world: World, lineage: AcrLineage) -> None:
        """A path in the place of one would be another repository's."""
        world.acr.seed("secret", annotated(single_image("secret"), BASE), tag="1")
        entries = [{"digest": "../../secret/manifests/1"}, {"digest": "1"}, {"digest": 7}, "x"]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}

        assert await made_of(world, lineage, Image(Content.of_json(OCI_INDEX, document))) == []
        asked = {exchange.url for exchange in world.exchanges.exchanges("registry", path="/manifests/")}
        assert [url.rpartition("/v2/")[2] for url in asked] == ["app/manifests/1"]

    async def test_no_access(self, world: World, lineage: AcrLineage) -> None:
        """That does not pass by itself."""
        world.acr.seed("app", single_image("app"), tag="1")
        world.faults.add(FaultRule(service="registry", path="/manifests/", status=403))

        with pytest.raises(PullRefused):
            await lineage.made_of(world.login_server, "app", "1")


class TestBounds:
    """Whoever may push decides what is read: what is at each bound, and one beyond."""

    @pytest.mark.parametrize(("depth", "expected"), [(2, [NODE]), (3, [])])
    async def test_depth(self, world: World, lineage: AcrLineage, depth: int, expected: list[str]) -> None:
        """An image in an index in an index, and no deeper."""
        image = annotated(single_image("app"), BASE)
        for _ in range(depth):
            image = index_of(image)

        assert await made_of(world, lineage, image) == expected

    @pytest.mark.parametrize(("size", "expected"), [(MEBIBYTE, [NODE]), (MEBIBYTE + 1, [])])
    async def test_bytes_of_a_configuration(
        self, world: World, lineage: AcrLineage, size: int, expected: list[str]
    ) -> None:
        """A mebibyte is read, and a byte more is not."""
        config = config_of_size(size)
        assert len(config.data) == size

        assert await made_of(world, lineage, chart_of(config)) == expected

    async def test_a_descriptor_that_lies(self, world: World, lineage: AcrLineage) -> None:
        """It promises ten bytes: the reading ends where the bound is, and its connection is given back."""
        image = chart_of(config_of_size(3 * MEBIBYTE), size=10)

        with pytest.raises(PullRefused) as caught:
            await made_of(world, lineage, image)

        assert caught.value.code == "too_large"

    async def test_a_manifest_of_more_than_four_mebibytes(self, world: World, lineage: AcrLineage) -> None:
        """It is refused by what its length says, and its connection is given back."""
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "padding": "x" * 4 * MEBIBYTE}

        with pytest.raises(PullRefused) as caught:
            await made_of(world, lineage, Image(Content.of_json(OCI_INDEX, document)))

        assert caught.value.code == "unreadable_manifest"

    async def test_ten_thousand_entries(self, world: World, lineage: AcrLineage) -> None:
        """Of an index that lists the same image ten thousand times it is read once."""
        image = annotated(single_image("app"), BASE)
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [image.manifest.descriptor] * 10_000}
        index = Image(Content.of_json(OCI_INDEX, document), children=(image,))

        assert await made_of(world, lineage, index) == [NODE]
        assert len(world.exchanges.exchanges("registry", path="/manifests/")) <= 2 * 2  # each asks for a token first

    async def test_more_images_than_anybody_builds_from(self, world: World, lineage: AcrLineage) -> None:
        """A chart that names thousands opens no thousands of incidents."""
        named = "".join(f"- image: docker.io/library/i{number}:1\n" for number in range(2000))
        config = Content.of_json(CHART_CONFIG, {"annotations": {CHART_IMAGES: named}})

        assert len(await made_of(world, lineage, chart_of(config))) == MOST_IMAGES

    async def test_a_name_of_a_megabyte(self, world: World, lineage: AcrLineage) -> None:
        """It is no image, and costs no more than its length."""
        document = json.loads(single_image("app").manifest.data) | {"annotations": {BASE_NAME: "a/" * MEBIBYTE}}
        image = Image(Content.of_json(OCI_MANIFEST, document), blobs=single_image("app").blobs)

        assert await made_of(world, lineage, image) == []
