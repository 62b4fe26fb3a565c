"""Content-addressed bytes and the media types of images.

Everything that is pulled is addressed by the digest of its exact bytes. The trap it avoids: a manifest that is parsed
and written again has another digest, so manifests are carried as the bytes they came in.
"""

import hashlib
import json
from typing import Any, Final, Self

import msgspec

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"

INDEX_TYPES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
IMAGE_TYPES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
MANIFEST_TYPES: Final = INDEX_TYPES | IMAGE_TYPES


def digest_of(data: bytes) -> str:
    """The digest under which a registry serves these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def is_digest(reference: str) -> bool:
    """Whether a manifest's reference is a digest; everything else is a tag."""
    return ":" in reference


class Platform(msgspec.Struct, frozen=True):
    """What an image runs on; `str()` gives Docker's form: `linux/amd64`, `linux/arm64/v8`."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The platform of Docker's form; raises ValueError when it has not two or three parts."""
        parts = text.split("/")
        if len(parts) not in {2, 3} or not all(parts):
            raise ValueError(f"not a platform: {text!r}; expected os/architecture or os/architecture/variant")
        return cls(*parts)

    def serves(self, wanted: "Platform") -> bool:
        """Whether an image of this platform is what a client of the platform `wanted` takes."""
        same = (self.os, self.architecture) == (wanted.os, wanted.architecture)
        return same and (not wanted.variant or self.variant == wanted.variant)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Content(msgspec.Struct, frozen=True):
    """Bytes with their media type and digest: a manifest, a configuration or a layer."""

    media_type: str
    digest: str
    data: bytes

    @classmethod
    def of(cls, media_type: str, data: bytes) -> Self:
        """The content, its digest computed."""
        return cls(media_type, digest_of(data), data)

    @classmethod
    def of_json(cls, media_type: str, document: Any) -> Self:
        """The document as compact JSON; the keys keep their order, so the digest is the same everywhere."""
        return cls.of(media_type, json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode())

    @property
    def is_index(self) -> bool:
        """Whether this is a list of manifests, one per platform."""
        return self.media_type in INDEX_TYPES

    @property
    def document(self) -> dict[str, Any]:
        """The parsed JSON of a manifest or a configuration."""
        document: dict[str, Any] = json.loads(self.data)
        return document

    @property
    def descriptor(self) -> dict[str, Any]:
        """The descriptor by which another manifest refers to it."""
        return {"mediaType": self.media_type, "size": len(self.data), "digest": self.digest}


def manifests_of(manifest: Content) -> list[dict[str, Any]]:
    """The descriptors of the manifests that an index lists; none for an image's manifest."""
    return list(manifest.document.get("manifests", ())) if manifest.is_index else []


def blobs_of(manifest: Content) -> list[dict[str, Any]]:
    """The descriptors of an image's configuration and layers, in that order; none for an index."""
    document = manifest.document
    return [] if manifest.is_index else [document["config"], *document["layers"]]


def platform_of(descriptor: dict[str, Any]) -> Platform:
    """The platform that an index gives for one of its manifests."""
    platform = descriptor.get("platform", {})
    return Platform(platform.get("os", ""), platform.get("architecture", ""), platform.get("variant", ""))
