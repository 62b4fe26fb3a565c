"""What a registry keeps: manifests, tags and blobs by repository. Both Docker Hub and ACR stand on it."""

from datetime import datetime

import msgspec

from sandbox.frame.service import Clock, system_clock
from sandbox.oci.content import Content, blobs_of, is_digest
from sandbox.oci.images import Image


class Tag(msgspec.Struct, frozen=True):
    """A name for a manifest; `updated_at` is when it last began to point to another one."""

    name: str
    digest: str
    created_at: datetime
    updated_at: datetime


class Manifest(msgspec.Struct, frozen=True):
    """A manifest and when it was first pushed."""

    content: Content
    created_at: datetime


class Repository:
    """One repository; it exists from its first manifest on, though blobs may lie in it before."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.manifests: dict[str, Manifest] = {}
        self.tags: dict[str, Tag] = {}
        self.blobs: dict[str, Content] = {}
        self._clock = clock

    def manifest(self, reference: str) -> Content | None:
        """The manifest of a tag or digest, None when there is none."""
        tag = self.tags.get(reference)
        found = self.manifests.get(tag.digest if tag is not None else reference)
        return found.content if found is not None else None

    def holds(self, digest: str, tag: str | None) -> bool:
        """Whether the manifest is here, under the tag if there is one."""
        return digest in self.manifests and (tag is None or tag in self.tags_of(digest))

    def put_manifest(self, content: Content, reference: str | None = None) -> None:
        """Keep a manifest, under a tag when `reference` is one."""
        now = self._clock()
        self.manifests.setdefault(content.digest, Manifest(content, now))
        if reference is not None and not is_digest(reference):
            self._point(reference, content.digest, now)

    def tags_of(self, digest: str) -> list[str]:
        """The tags that point to the manifest, sorted."""
        return sorted(tag.name for tag in self.tags.values() if tag.digest == digest)

    def delete_manifest(self, digest: str) -> bool:
        """Delete a manifest and its tags; False when it is not there."""
        for name in self.tags_of(digest):
            del self.tags[name]
        return self.manifests.pop(digest, None) is not None

    def missing_blobs(self, content: Content) -> list[str]:
        """The digests of the blobs that a manifest needs and the repository lacks."""
        return [item["digest"] for item in blobs_of(content) if item["digest"] not in self.blobs]

    def _point(self, name: str, digest: str, now: datetime) -> None:
        old = self.tags.get(name)
        if old is None or old.digest != digest:
            self.tags[name] = Tag(name, digest, old.created_at if old else now, now)


class ImageStore:
    """All repositories of a registry."""

    def __init__(self, *, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._repositories: dict[str, Repository] = {}

    def names(self) -> list[str]:
        """The repositories that hold a manifest, sorted."""
        return sorted(name for name, repository in self._repositories.items() if repository.manifests)

    def find(self, name: str) -> Repository | None:
        """The repository, None when it holds no manifest."""
        repository = self._repositories.get(name)
        return repository if repository is not None and repository.manifests else None

    def blob(self, name: str, digest: str) -> Content | None:
        """A blob of a repository, pushed without a manifest or not; None when it is not there."""
        repository = self._repositories.get(name)
        return repository.blobs.get(digest) if repository is not None else None

    def open(self, name: str) -> Repository:
        """The repository, made when it is not there, for putting something into it."""
        return self._repositories.setdefault(name, Repository(name, self._clock))

    def add(self, name: str, image: Image, *, tag: str | None = None) -> None:
        """Put a whole image into a repository."""
        repository = self.open(name)
        for blob in image.every_blob():
            repository.blobs[blob.digest] = blob
        for manifest in image.every_manifest():
            repository.put_manifest(manifest)
        repository.put_manifest(image.manifest, tag)

    def delete(self, name: str) -> Repository | None:
        """Forget a repository with all that is in it, and return it; None when there is none."""
        return self._repositories.pop(name, None)
