"""Images made from a name: the same name gives the same digests on every machine and in every run.

They are what a registry would hold: layers that unpack, a configuration whose `diff_ids` fit them, a manifest in the
Docker or the OCI form, and for several platforms an index. skopeo, docker and containerd take them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from sandbox.oci.content import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Content,
    Platform,
    digest_of,
)
from sandbox.oci.layers import layer

AMD64: Final = Platform("linux", "amd64")
ARM64: Final = Platform("linux", "arm64", "v8")
_CREATED: Final = "2024-01-01T00:00:00Z"


class Form(StrEnum):
    """Which of the two families of media types an image is written in."""

    OCI = "oci"
    DOCKER = "docker"


_MEDIA_TYPES: Final = {
    Form.OCI: (OCI_INDEX, OCI_MANIFEST, OCI_CONFIG, OCI_LAYER),
    Form.DOCKER: (DOCKER_LIST, DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER),
}


class Image(msgspec.Struct, frozen=True):
    """What a tag points to, with everything below it.

    Attributes:
        manifest: the manifest that the tag names: an image's, or an index.
        children: the images that an index lists; empty for a single image.
        blobs: a single image's configuration and layers, in this order; empty for an index.
    """

    manifest: Content
    children: tuple["Image", ...] = ()
    blobs: tuple[Content, ...] = ()

    @property
    def digest(self) -> str:
        """What the tag resolves to."""
        return self.manifest.digest

    def every_manifest(self) -> Iterator[Content]:
        """The manifests, children before the index that lists them."""
        for child in self.children:
            yield from child.every_manifest()
        yield self.manifest

    def every_blob(self) -> Iterator[Content]:
        """The configurations and layers of all platforms."""
        for child in self.children:
            yield from child.every_blob()
        yield from self.blobs


def single_image(
    seed: str, *, platform: Platform = AMD64, form: Form = Form.OCI, labels: Mapping[str, str] | None = None
) -> Image:
    """An image of one platform with two layers; the same arguments give the same digests."""
    _, manifest_type, config_type, layer_type = _MEDIA_TYPES[form]
    packed = [layer(files) for files in _layers(seed, platform)]
    diff_ids = [digest_of(archive) for _, archive in packed]
    config = Content.of_json(config_type, _config(seed, platform, diff_ids, labels or {}))
    layers = [Content.of(layer_type, compressed) for compressed, _ in packed]
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": config.descriptor,
        "layers": [content.descriptor for content in layers],
    }
    return Image(Content.of_json(manifest_type, manifest), blobs=(config, *layers))


def multi_arch_image(
    seed: str,
    *,
    platforms: Sequence[Platform] = (AMD64, ARM64),
    form: Form = Form.OCI,
    labels: Mapping[str, str] | None = None,
) -> Image:
    """An index with an image for each platform."""
    children = tuple(single_image(seed, platform=platform, form=form, labels=labels) for platform in platforms)
    index_type = _MEDIA_TYPES[form][0]
    listed = [
        {**child.manifest.descriptor, "platform": _platform(platform)}
        for platform, child in zip(platforms, children, strict=True)
    ]
    index = {"schemaVersion": 2, "mediaType": index_type, "manifests": listed}
    return Image(Content.of_json(index_type, index), children=children)


def _platform(platform: Platform) -> dict[str, str]:
    found = {"architecture": platform.architecture, "os": platform.os}
    return found | ({"variant": platform.variant} if platform.variant else {})


def _layers(seed: str, platform: Platform) -> list[dict[str, bytes]]:
    release = f'ID=sandbox\nPRETTY_NAME="Sandbox image {seed} for {platform}"\n'
    return [
        {"etc/os-release": release.encode(), "usr/lib/base.bin": _filler(f"{platform}", 4096)},
        {"app/name": f"{seed}\n".encode(), "app/content.bin": _filler(f"{seed} {platform}", 8192)},
    ]


def _filler(seed: str, size: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size)


def _config(seed: str, platform: Platform, diff_ids: Sequence[str], labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "created": _CREATED,
        **_platform(platform),
        "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["/app/run"], "Labels": {"name": seed, **labels}},
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [{"created": _CREATED, "created_by": f"sandbox layer {n}"} for n in range(len(diff_ids))],
    }
