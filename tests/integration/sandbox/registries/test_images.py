"""Images that are made from a name: the same everywhere, and whole."""

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.oci.content import Platform, blobs_of, digest_of
from sandbox.oci.images import Form, Image, multi_arch_image, single_image
from sandbox.oci.layers import layer


class TestLayers:
    """Layers without a compressor."""

    @given(st.dictionaries(st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}", fullmatch=True), st.binary(max_size=200_000)))
    def test_a_layer_unpacks_to_its_files(self, files: dict[str, bytes]) -> None:
        """Python's own gzip and tar read what was written, block by block."""
        compressed, archive = layer(files)

        assert archive == gzip.decompress(compressed)
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            found = {entry.name: opened.extractfile(entry) for entry in opened}
            assert files == {name: data.read() for name, data in found.items() if data is not None}


class TestImages:
    """Manifests, configurations and indexes."""

    @pytest.mark.parametrize(
        ("image", "digest"),
        [
            (
                single_image("nginx:1.27"),
                "sha256:ba7f67aac4303c51e2f25ba04596f5b766566dc491f323d6639f9ae9c62592da",
            ),
            (
                single_image("nginx:1.27", form=Form.DOCKER),
                "sha256:a2e7216ba31c42690fff4c24f1a7af1a53579cae55939ff5b072304c614bd80c",
            ),
            (
                multi_arch_image("nginx:1.27"),
                "sha256:120883b57b0689719574883c553ca6af2f9ea7acd1b36cd49c8746b3441fb420",
            ),
        ],
    )
    def test_a_name_always_gives_the_same_digest(self, image: Image, digest: str) -> None:
        """Digests written down once hold on every machine and Python."""
        assert digest == image.digest

    def test_every_descriptor_fits_its_content(self) -> None:
        """Digest and size of what a manifest refers to are those of the bytes, and `diff_ids` those of the layers."""
        image = multi_arch_image("postgres")

        blobs = {blob.digest: blob for blob in image.every_blob()}
        for child in image.children:
            config, *layers = (blobs[item["digest"]] for item in blobs_of(child.manifest))
            assert [len(config.data), *(len(item.data) for item in layers)] == [
                item["size"] for item in blobs_of(child.manifest)
            ]
            assert config.document["rootfs"]["diff_ids"] == [digest_of(gzip.decompress(item.data)) for item in layers]
            assert len(config.document["history"]) == len(layers)

    def test_an_index_names_each_platform_once(self) -> None:
        """amd64 and arm64 are different images below one index."""
        image = multi_arch_image("postgres", form=Form.DOCKER)

        listed = image.manifest.document["manifests"]
        assert [item["platform"] for item in listed] == [
            {"architecture": "amd64", "os": "linux"},
            {"architecture": "arm64", "os": "linux", "variant": "v8"},
        ]
        assert len({item["digest"] for item in listed}) == 2

    @pytest.mark.parametrize(
        ("offered", "wanted", "serves"),
        [
            ("linux/arm64/v8", "linux/arm64", True),
            ("linux/arm64/v8", "linux/arm64/v8", True),
            ("linux/arm/v6", "linux/arm/v7", False),
            ("windows/amd64", "linux/amd64", False),
        ],
    )
    def test_a_client_takes_what_runs_on_it(self, *, offered: str, wanted: str, serves: bool) -> None:
        """A variant matters only when the client asks for one."""
        assert serves == Platform.parse(offered).serves(Platform.parse(wanted))
