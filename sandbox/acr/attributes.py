"""What `/acr/v1` tells of repositories, manifests and tags, as JSON."""

from datetime import UTC, datetime
from typing import Any, Final

from sandbox.oci.content import blobs_of, manifests_of, platform_of
from sandbox.oci.store import Manifest, Repository, Tag

_UNLOCKED: Final = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}


def repository_json(repository: Repository) -> dict[str, Any]:
    """A repository, apart from the registry's host."""
    changes = [manifest.created_at for manifest in repository.manifests.values()]
    changes += [tag.updated_at for tag in repository.tags.values()]
    return {
        "imageName": repository.name,
        "createdTime": _time(min(changes)),
        "lastUpdateTime": _time(max(changes)),
        "manifestCount": len(repository.manifests),
        "tagCount": len(repository.tags),
        "changeableAttributes": {**_UNLOCKED, "teleportEnabled": False},
    }


def tag_json(tag: Tag) -> dict[str, Any]:
    """A tag."""
    return {
        "name": tag.name,
        "digest": tag.digest,
        "createdTime": _time(tag.created_at),
        "lastUpdateTime": _time(tag.updated_at),
        "signed": False,
        "changeableAttributes": dict(_UNLOCKED),
    }


def manifest_json(repository: Repository, manifest: Manifest) -> dict[str, Any]:
    """A manifest: an image's with its platform and size, an index's with its references."""
    content = manifest.content
    body: dict[str, Any] = {
        "digest": content.digest,
        "imageSize": len(content.data) + sum(item["size"] for item in blobs_of(content)),
        "createdTime": _time(manifest.created_at),
        "lastUpdateTime": _time(manifest.created_at),
        "mediaType": content.media_type,
        "changeableAttributes": dict(_UNLOCKED),
    }
    tags = repository.tags_of(content.digest)
    if tags:
        body["tags"] = tags
    if content.is_index:
        body["references"] = [_reference(item) for item in manifests_of(content)]
        return body
    config = repository.blobs.get(content.document["config"]["digest"])
    if config is not None and config.data[:1] == b"{":
        document = config.document
        body |= {"architecture": document.get("architecture"), "os": document.get("os")}
    return body | {"configMediaType": content.document["config"]["mediaType"]}


def _reference(descriptor: dict[str, Any]) -> dict[str, str]:
    platform = platform_of(descriptor)
    return {"digest": descriptor["digest"], "architecture": platform.architecture, "os": platform.os}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
