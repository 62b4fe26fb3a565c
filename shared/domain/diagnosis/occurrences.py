"""Occurrences: image names without words that introduce one, for texts that name the failed image in no other way.

A full name with the host of a registry that everybody knows is an image wherever it stands, save where something is
written to. A short name is one only where an address names the same repository; then it tells the tag.
"""

import re

from shared.domain.diagnosis.names import SEEN, Mention, name_at
from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import DOCKER_HUB, ImageReference

_MOST = 16
_LOOK_BACK = 24
_HOSTS = (
    "docker.io/",
    "ghcr.io/",
    "quay.io/",
    "gcr.io/",
    "k8s.io/",
    "microsoft.com/",
    "azurecr.io/",
    "ecr.aws/",
    "pkg.dev/",
)
_KNOWN = re.compile(
    r"(?<![\w./:@-])(?:(?:index\.|registry-1\.)?docker\.io|ghcr\.io|quay\.io|(?:[a-z]{2,12}\.)?gcr\.io|registry\.k8s\.io"
    r"|mcr\.microsoft\.com|[a-z0-9-]{1,63}\.azurecr\.io|public\.ecr\.aws|[a-z0-9-]{1,63}\.pkg\.dev)/(?!v2/)(?=[a-z0-9])"
)
_WRITTEN_TO = re.compile(r"(?:destination|push(?:ing|ed)?|tag|-t|from source|registry)[\"',=:\[ ]{1,4}$")
_TAG = re.compile(r":([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})")


def full_names(text: Text) -> list[Mention]:
    """The full names of well-known registries that a text holds, at most 16, what is written to left out."""
    if not any(host in text.low for host in _HOSTS):
        return []
    found: list[Mention] = []
    for match in _KNOWN.finditer(text.plain):
        written_to = _WRITTEN_TO.search(text.low[max(0, match.start() - _LOOK_BACK) : match.start()])
        named = None if written_to else name_at(text, match.start())
        if named is not None:
            found.append(Mention(match.start(), named[0], SEEN))
            if len(found) == _MOST:
                break
    return found


def with_tag_beside(text: Text, reference: ImageReference) -> ImageReference:
    """The reference of an address with the tag that stands beside the same repository elsewhere in the text."""
    if reference.tag is not None:
        return reference
    name = reference.repository
    short = name.removeprefix("library/") if reference.registry == DOCKER_HUB else name
    position = text.plain.find(f"{short}:")
    for _ in range(_MOST):
        if position < 0:
            break
        tag = _TAG.match(text.plain, position + len(short))
        if tag is not None and _is_the_whole_name(text.plain, position, reference):
            return ImageReference(reference.registry, name, tag[1].rstrip("."), None)
        position = text.plain.find(f"{short}:", position + 1)
    return reference


def _is_the_whole_name(plain: str, position: int, reference: ImageReference) -> bool:
    """Whether what stands before a repository is its own registry or nothing that belongs to a name."""
    before = plain[max(0, position - 300) : position]
    for prefix in (f"{reference.registry}/library/", f"{reference.registry}/", "library/", ""):
        if before.endswith(prefix):
            left = before[: len(before) - len(prefix)][-1:]
            return not (left.isalnum() or (left != "" and left in "./:@_-"))
    return False
