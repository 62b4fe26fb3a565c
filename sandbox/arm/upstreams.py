"""Which upstreams ACR caches from, and with which credentials (documented, table of 2026-08)."""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final


class Authentication(StrEnum):
    """Whether rules for an upstream carry a credential set."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    REFUSED = "refused"
    IDENTITY = "identity"


DOCKER_HUB: Final = "docker.io"

_UPSTREAMS: Final = {
    DOCKER_HUB: Authentication.REQUIRED,
    "mcr.microsoft.com": Authentication.REFUSED,
    "quay.io": Authentication.OPTIONAL,
    "public.ecr.aws": Authentication.REFUSED,
    "ghcr.io": Authentication.OPTIONAL,
    "nvcr.io": Authentication.OPTIONAL,
    "registry.k8s.io": Authentication.OPTIONAL,
    "gcr.io": Authentication.OPTIONAL,
    "eu.gcr.io": Authentication.OPTIONAL,
    "*.pkg.dev": Authentication.REQUIRED,
    "dhi.io": Authentication.REQUIRED,
    "*.azurecr.io": Authentication.IDENTITY,
    "registry.redhat.io": Authentication.REQUIRED,
    "registry.access.redhat.com": Authentication.REFUSED,
}

SUPPORTED: Final = ", ".join(_UPSTREAMS)
"""The list as the refusal prints it."""


def authentication(host: str) -> Authentication | None:
    """What the upstream asks for; None when ACR doesn't cache from it."""
    return next((kind for pattern, kind in _UPSTREAMS.items() if fnmatchcase(host, pattern)), None)
