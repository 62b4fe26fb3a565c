"""The addresses in a failure text: which registry was asked, for which repository.

The address of the failing request is the best witness of whose limit was hit, better than any word in the text:
`contoso.azurecr.io/docker.io/library/nginx` contains `docker.io` and is ACR's.
"""

import re
from enum import Enum, auto
from functools import lru_cache

import msgspec

from shared.domain.diagnosis.unwrapping import Text, line_at
from shared.domain.images import DOCKER_HUB, ImageReference, InvalidReference, canonical_host, parse_reference

_MOST = 64
_NEARBY = 200
_NAME = r"[a-z0-9][a-z0-9._/-]{0,254}"
_BLANK = r" \t-\r\x1c-\x1f"  # what \s is in ASCII; spelled out, the engine looks a character up in one step
_ADDRESS = re.compile(rf"https?://([^{_BLANK}/\"'\\<>]{{1,255}})(/[^{_BLANK}\"'<>]{{0,1024}})?")
_SPOKEN = re.compile(r"pulling from host ([a-z0-9.:-]{1,255}) failed")
_KINDS = ("/manifests/", "/blobs/", "/tags/", "/referrers/")
_SCOPE = re.compile(rf"[?&]scope=repository:({_NAME}):")
_SERVICE = re.compile(r"[?&]service=([a-zA-Z0-9.-]{1,255}(?::[0-9]{1,5})?)")
_NAMESPACE = re.compile(r"[?&]ns=([a-zA-Z0-9.-]{1,255}(?::[0-9]{1,5})?)")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")
_GOES_ON = ("status code ", "request to ", "Get ", "GET ", "Head ", "HEAD ", '"', "'")
"""What stands before an address that a reason follows: without one the text was cut, and the tag may be."""

_TOKEN_SERVICES = {
    "registry.docker.io": DOCKER_HUB,
    "auth.docker.io": DOCKER_HUB,
    "mcrprod.azurecr.io": "mcr.microsoft.com",  # observed: MCR's front door hands out its tokens under this name
}
_NO_REGISTRIES = frozenset({"hub.docker.com", "docker.com", "www.docker.com", "docs.docker.com"})


class Role(Enum):
    """What an address is for."""

    REGISTRY = auto()
    UPLOAD = auto()
    OTHER = auto()


class Address(msgspec.Struct, frozen=True):
    """An address that a text names.

    Attributes:
        start: where it stands.
        end: where it ends.
        host: the canonical host.
        role: an endpoint of the pull protocol or of its token service, of a push, or something else.
        repository: the repository that it names, if any.
        reference: the image as the address alone names it, None when it names no repository.
    """

    start: int
    end: int
    host: str
    role: Role
    repository: str | None = None
    reference: ImageReference | None = None


def addresses(text: Text) -> list[Address]:
    """The addresses in the order of the text, at most 64."""
    found: list[Address] = []
    if "://" in text.plain:
        for match in _ADDRESS.finditer(text.plain):
            found.append(_read(match, text.plain))
            if len(found) == _MOST:
                break
    if "from host " in text.low:
        found += map(_spoken, _SPOKEN.finditer(text.low))
        found.sort(key=lambda place: place.start)
    return found[:_MOST]


def place_of(position: int, low: str, places: list[Address]) -> Address | None:
    """The address that words at a position speak of: before them on the line, else after, else a registry's nearby."""
    start, end = line_at(low, position)
    after: Address | None = None
    for place in reversed(places):
        if place.start > position:
            after = place if place.start < end else after
            continue
        if place.start >= start:
            return place
        near = after is None and place.role is not Role.OTHER and position - place.end <= _NEARBY
        return place if near else after
    return after


def completed(place: Address, places: list[Address]) -> Address:
    """The address with the tag or digest of another one of the same repository, where it has none itself."""
    own = place.reference
    if own is None or own.tag is not None or own.digest is not None:
        return place
    for other in places:
        named = other.reference
        if named is not None and named.source == own.source and (named.tag or named.digest):
            return msgspec.structs.replace(place, reference=named)
    return place


def _spoken(match: re.Match[str]) -> Address:
    """Old containerd: `pulling from host registry-1.docker.io failed with status code …`."""
    return Address(match.start(), match.end(), canonical_host(match[1]), Role.REGISTRY)


def _read(match: re.Match[str], plain: str) -> Address:
    start, end = match.span()
    host, path = match.groups()
    if host in _NO_REGISTRIES or path is None:
        return Address(start, end, canonical_host(host.rstrip(":.,;)")), Role.OTHER)
    host = canonical_host(host.rpartition("@")[2])
    if path.startswith("/v2/"):
        for kind in _KINDS:
            at = path.find(kind, 4)
            if at > 0:
                cut = end == len(plain) and plain.endswith(_GOES_ON, 0, start)
                rest = path[at + len(kind) :]
                role = Role.UPLOAD if kind == "/blobs/" and rest.startswith("upload") else Role.REGISTRY
                reference = (
                    None
                    if not match[1].islower() and _is_placeholder(match[1])
                    else _bare(_asked_for(path, host), path[4:at])
                )
                if kind == "/manifests/" and reference is not None:
                    reference = _with_suffix(reference, rest, cut=cut)
                return Address(start, end, host, role, path[4:at], reference)
    scope = _SCOPE.search(path) if "scope=" in path else None
    if scope is not None:
        service = _SERVICE.search(path)
        registry = _TOKEN_SERVICES.get(service[1], service[1]) if service else _TOKEN_SERVICES.get(host, host)
        return Address(start, end, host, Role.REGISTRY, scope[1], _bare(registry, scope[1]))
    speaks_it = path.startswith(("/v2/", "/token", "/oauth2/")) or path == "/v2" or host in _TOKEN_SERVICES
    return Address(start, end, host, Role.REGISTRY if speaks_it else Role.OTHER)


def _is_placeholder(host: str) -> bool:
    """Whether somebody wrote capitals over a host's first label: XXXX.dkr.ecr.eu-west-1.amazonaws.com."""
    label = host.rpartition("@")[2].partition(".")[0]
    return label != label.lower() and canonical_host(host) != DOCKER_HUB


def _asked_for(path: str, host: str) -> str:
    """The registry that was meant: a mirror gets the original host in `ns` (containerd's registry configuration)."""
    namespace = _NAMESPACE.search(path) if "ns=" in path else None
    return canonical_host(namespace[1]) if namespace else host


@lru_cache(maxsize=1024)
def _bare(registry: str, repository: str) -> ImageReference | None:
    try:
        bare = parse_reference(f"{registry}/{repository}")
    except InvalidReference:
        return None
    # A host without a dot or a port is a namespace to the grammar, but an address says that it is a host.
    return bare if bare.registry == registry else ImageReference(registry, repository)


def _with_suffix(bare: ImageReference, rest: str, *, cut: bool) -> ImageReference:
    """The reference with the tag or digest in which a manifest's address ends; one that may be cut off is left out."""
    if rest.startswith("sha256:"):
        digest = _DIGEST.match(rest)
        return bare if digest is None else ImageReference(bare.registry, bare.repository, None, digest[0])
    tag = _TAG.match(rest)
    if tag is None or cut:
        return bare
    return ImageReference(bare.registry, bare.repository, tag[0].rstrip("."))
