"""What a policy is proposed from."""

from datetime import datetime

import msgspec

from shared.domain.images import ImageReference
from shared.domain.registries import RegistrySnapshot


class SeenImage(msgspec.Struct, frozen=True):
    """An image that runs, or failed to.

    Attributes:
        image: its reference; from a log, so by a stranger.
        resource_id: the ARM id of the cluster or app, in lower case; empty where it is not known.
        count: how often: containers, or failed pulls.
        last_seen: None where it is not known.
        failed: whether its pulls failed.
    """

    image: ImageReference
    resource_id: str = ""
    count: int = 1
    last_seen: datetime | None = None
    failed: bool = False


class FoundRegistry(msgspec.Struct, frozen=True):
    """A registry and who pulls from it.

    Attributes:
        snapshot: rules, credential sets and repositories.
        attached: the ARM ids of the clusters whose identity may pull from it.
    """

    snapshot: RegistrySnapshot
    attached: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """Everything that was found.

    Attributes:
        registries: at least one; their ids are ARM ids of registries.
        images: in any order.
        workspaces: the ids of the workspaces that were asked.
        notes: what could not be looked at, a sentence each.
    """

    registries: tuple[FoundRegistry, ...]
    images: tuple[SeenImage, ...] = ()
    workspaces: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
