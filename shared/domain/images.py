"""Image references in their one canonical form.

Every rule, incident and comparison keys on a reference, so one image must have one spelling: `nginx`,
`docker.io/nginx` and `registry-1.docker.io/library/nginx` are the same repository. Docker's grammar and normalisation
come from the library `docker-image-py`; this module adds the names of Docker Hub that the library does not know and
the case-insensitivity of DNS names.

The trap: the library takes longer over one reference than a whole failure text may take. Plain references (lower case,
SHA-256) are therefore read by one anchored expression, and everything else, all refusals included, is the library's
decision. A property test holds the two against each other (docs/adr/0010).
"""

import re

import msgspec

from shared.domain.upstreams import upstream_for, why_not_supported
from shared.errors import PermanentError

DOCKER_HUB = "docker.io"
"""The canonical host of Docker Hub."""

DOCKER_HUB_ALIASES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
"""The hosts under which Docker Hub's registry answers; `docker pull` accepts each of them."""

_LONGEST = 1024  # path 255, tag 128 and digest 136 at most: what is longer than this is no reference
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_COMPONENT = r"[a-z0-9]+(?:(?:__|[._]|-+)[a-z0-9]+)*"
_PLAIN = re.compile(
    rf"(?:({_LABEL}(?:\.{_LABEL})+(?::[0-9]+)?|{_LABEL}:[0-9]+|localhost)/)?"
    rf"({_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(sha256:[0-9a-f]{64}))?"
)
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")
_LONGEST_PATH = 255
_ACR = re.compile(r"[a-z0-9-]+\.azurecr\.(?:io|cn|us)")
_ADDRESS = re.compile(r"\[[0-9a-fA-F:]+\](?::[0-9]+)?|[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?")


class InvalidReference(PermanentError):
    """A text is no image reference."""

    code = "invalid_reference"
    hint = "Write a reference as [registry/]repository[:tag][@sha256:digest], the repository in lower case."


class ImageReference(msgspec.Struct, frozen=True, order=True):
    """A normalised image reference.

    Attributes:
        registry: the canonical host: `docker.io`, whatever alias of Docker Hub was written; DNS names in lower case.
            A host without a dot or a port is kept as it was written, as Docker does (`Foo/bar` has the host `Foo`).
        repository: the path below the host, `library/` written out: `library/nginx`.
        tag: only when it was written; there is no implied `latest`.
        digest: `sha256:…`, only when it was written.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def source(self) -> str:
        """The repository with its host, as a cache rule's source names it: `docker.io/library/nginx`."""
        return f"{self.registry}/{self.repository}"

    @property
    def suffix(self) -> str:
        """Tag and digest as they were written: `:1.27`, `@sha256:…`, `:1.27@sha256:…` or nothing."""
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.source + self.suffix


def parse_reference(text: str) -> ImageReference:
    """The canonical form of a reference as people and clusters write it.

    Raises:
        InvalidReference: the text is no reference; the message says why.
    """
    if len(text) > _LONGEST:
        raise InvalidReference(f"an image reference has at most {_LONGEST} characters, this one has {len(text)}")
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        return _ask_the_library(text)
    host, path, tag, digest = plain.groups()
    if len(path) > _LONGEST_PATH or (len(text) == len(path) and _IMAGE_ID.fullmatch(text)):
        return _ask_the_library(text)
    first, slash, _ = path.partition("/")
    if host is None and slash and "." in first:  # meant as a host, and no good one: `a_b.io/nginx`
        return _ask_the_library(text)
    registry = DOCKER_HUB if host is None else canonical_host(host)
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
        if len(path) > _LONGEST_PATH:
            return _ask_the_library(text)
    return ImageReference(registry, path, tag, digest)


def canonical_host(host: str) -> str:
    """A registry's host as references carry it: Docker Hub's aliases as `docker.io`, DNS names in lower case.

    A name without a dot or a port stays as it is: Docker tells it from a namespace only by its capitals.
    """
    lowered = host.lower()
    if lowered.removesuffix(":443") in DOCKER_HUB_ALIASES:
        return DOCKER_HUB
    return lowered if "." in host or ":" in host else host


def is_acr(registry: str) -> bool:
    """Whether a host is an Azure Container Registry, in any of Azure's clouds."""
    return _ACR.fullmatch(registry) is not None


def why_not_cacheable(reference: ImageReference) -> str | None:
    """Why no cache rule can have this valid reference as its source, in a sentence; None when one can."""
    host = reference.registry
    if _IMAGE_ID.fullmatch(reference.repository.removeprefix("library/")):
        return f"{reference.repository} has the form of an image id; no upstream serves a repository of that name."
    if upstream_for(host) is not None:
        return None
    name = host.rpartition(":")[0] or host
    if name == "localhost" or name.endswith(".localhost"):
        return f"{host} is the machine that pulls; ACR can't reach it."
    if _ADDRESS.fullmatch(host):
        return f"{host} is an address; ACR caches only from registries that it knows by name."
    if "." not in host:
        return f"{host} is a name inside somebody's network; ACR can't reach it."
    return why_not_supported(host)


def _ask_the_library(text: str) -> ImageReference:
    from docker_image import digest as digests
    from docker_image import reference as references

    try:
        named = references.Reference.parse_normalized_named(text)
    except (references.InvalidReference, digests.InvalidDigest) as refusal:
        raise InvalidReference(f"{text!r} is no image reference: {refusal}") from None
    registry, path = canonical_host(named.domain()), named.path()
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return ImageReference(registry, path, named["tag"], named["digest"])
