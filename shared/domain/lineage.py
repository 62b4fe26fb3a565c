"""Lineage: the images that a manifest or a chart says it is made of.

Everything here was written by whoever pushed: texts are read by one expression each, in time linear in their length,
and whatever is no image reference is left out. Whether anything may be cached is the policy's say.

Keys: https://github.com/opencontainers/image-spec/blob/main/annotations.md and
https://artifacthub.io/docs/topics/annotations/helm/ (documented).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.domain.images import ImageReference, InvalidReference, parse_reference

BASE_NAME = "org.opencontainers.image.base.name"
CHART_IMAGES = "artifacthub.io/images"
CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"
MOST_IMAGES = 50

_LONGEST_TEXT = 64 * 1024
_IMAGE_LINE = re.compile(r"^[ \t]*(?:-[ \t]+)?image:[ \t]*[\"']?([^\s\"'#]{1,512})", re.MULTILINE)


def images_named_by(document: Mapping[str, Any]) -> Iterator[str]:
    """The texts that should be references, in a manifest, an index, an image's configuration or a chart's metadata."""
    yield from _base(document.get("annotations"))
    config = document.get("config")
    if isinstance(config, Mapping):  # an image's configuration has its labels there
        yield from _base(config.get("Labels"))
    annotations = document.get("annotations")
    listed = annotations.get(CHART_IMAGES) if isinstance(annotations, Mapping) else None
    if isinstance(listed, str):
        yield from _IMAGE_LINE.findall(listed[:_LONGEST_TEXT])


def references(texts: Iterable[str]) -> tuple[ImageReference, ...]:
    """The references among some texts, each once, at most `MOST_IMAGES`."""
    found: dict[ImageReference, None] = {}
    for text in texts:
        try:
            found[parse_reference(text)] = None
        except InvalidReference:
            continue
        if len(found) == MOST_IMAGES:
            break
    return tuple(found)


def _base(annotations: Any) -> Iterator[str]:
    name = annotations.get(BASE_NAME) if isinstance(annotations, Mapping) else None
    if isinstance(name, str):
        yield name
