"""The addresses in a failure text: which registry was asked, for which repository.

The address of the failing request is the best witness of whose limit was hit, better than any word in the text:
`contoso.azurecr.io/docker.io/library/nginx` contains `docker.io` and is ACR's.
"""

import re
from typing import NamedTuple

from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import DOCKER_HUB, ImageReference, InvalidReference, canonical_host, parse_reference

_MOST = 64
_NAME = r"[a-z0-9][a-z0-9._/-]{0,254}"
_ADDRESS = re.compile(r"https?://([^\s/\"'\\<>]{1,255})(/[^\s\"'<>]{0,1024})?")
_ENDPOINT = re.compile(rf"/v2/({_NAME}?)/(manifests|blobs|tags|referrers)/([^\s\"'<>,)?]{{0,160}})")
_SCOPE = re.compile(rf"[?&]scope=repository:({_NAME}):")
_SERVICE = re.compile(r"[?&]service=([a-zA-Z0-9.:-]{1,255})")
_NAMESPACE = re.compile(r"[?&]ns=([a-zA-Z0-9.:-]{1,255})")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")

_TOKEN_SERVICES = {
    "registry.docker.io": DOCKER_HUB,
    "auth.docker.io": DOCKER_HUB,
    "mcrprod.azurecr.io": "mcr.microsoft.com",  # observed: MCR's front door hands out its tokens under this name
}
_NO_REGISTRIES = frozenset({"hub.docker.com", "docker.com", "www.docker.com", "docs.docker.com"})


class Address(NamedTuple):
    """An address that a text names.

    Attributes:
        start: where it stands.
        end: where it ends.
        host: the canonical host.
        registry: whether it is a registry's: an endpoint of the pull protocol or of its token service.
        upload: whether it belongs to a push.
        repository: the repository that it names, if any.
        reference: the image as the address alone names it, None when it names no repository.
    """

    start: int
    end: int
    host: str
    registry: bool
    upload: bool
    repository: str | None
    reference: ImageReference | None


def addresses(text: Text) -> list[Address]:
    """The addresses in the order of the text, at most 64."""
    if "://" not in text.plain:
        return []
    found = []
    for match in _ADDRESS.finditer(text.plain):
        found.append(_read(match, text.plain))
        if len(found) == _MOST:
            break
    return found


def is_docker_hub(host: str) -> bool:
    """Whether a host belongs to Docker Hub: its registry, its token service, its download servers."""
    return host == DOCKER_HUB or host.endswith((".docker.io", ".docker.com"))


def _read(match: re.Match[str], plain: str) -> Address:
    host, path = match.groups()
    host = canonical_host(host.rpartition("@")[2].rstrip(":.,;)"))
    path = path or ""
    if host in _NO_REGISTRIES:
        return Address(match.start(), match.end(), host, False, False, None, None)
    endpoint = _ENDPOINT.match(path)
    if endpoint is not None:
        cut = match.end() == len(plain)
        return _endpoint(match, _asked_for(path, host), host, endpoint, cut=cut)
    scope = _SCOPE.search(path)
    if scope is not None:
        service = _SERVICE.search(path)
        registry = _TOKEN_SERVICES.get(service[1], service[1]) if service else _TOKEN_SERVICES.get(host, host)
        reference = _reference(registry, scope[1], "", manifests=False)
        return Address(match.start(), match.end(), host, True, False, scope[1], reference)
    registry = path.startswith(("/v2/", "/token", "/oauth2/")) or path == "/v2" or host in _TOKEN_SERVICES
    return Address(match.start(), match.end(), host, registry, False, None, None)


def _endpoint(match: re.Match[str], registry: str, host: str, endpoint: re.Match[str], *, cut: bool) -> Address:
    repository, kind, rest = endpoint.groups()
    reference = _reference(registry, repository, "" if cut and len(rest) < 71 else rest, manifests=kind == "manifests")
    upload = kind == "blobs" and rest.startswith("upload")
    return Address(match.start(), match.end(), host, True, upload, repository, reference)


def _asked_for(path: str, host: str) -> str:
    """The registry that was meant: a mirror gets the original host in `ns` (containerd's registry configuration)."""
    namespace = _NAMESPACE.search(path)
    return canonical_host(namespace[1]) if namespace else host


def _reference(registry: str, repository: str, rest: str, *, manifests: bool) -> ImageReference | None:
    try:
        bare = parse_reference(f"{registry}/{repository}")
    except InvalidReference:
        return None
    if bare.registry != registry and registry != DOCKER_HUB:
        bare = ImageReference(registry, repository)
    if not manifests:
        return bare
    digest = _DIGEST.match(rest)
    if digest is not None:
        return ImageReference(bare.registry, bare.repository, None, digest[0])
    if rest.startswith("sha256") or (tag := _TAG.match(rest)) is None:
        return bare
    return ImageReference(bare.registry, bare.repository, tag[0].rstrip("."), None)
