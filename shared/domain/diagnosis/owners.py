"""Owners: whose limit was hit.

The host of the failing request decides, then the words of the limit, then the reference; never a substring:
`contoso.azurecr.io/docker.io/library/nginx`, throttled by ACR, is not Docker Hub's.
"""

import re

from shared.domain.diagnosis.addresses import Address, Role
from shared.domain.diagnosis.limits import Limit
from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import DOCKER_HUB, ImageReference, is_acr

_BY_WORDS = (
    ("pull rate limit", DOCKER_HUB),
    ("docker.com/increase-rate-limit", DOCKER_HUB),
    ("docker-hub/download-rate-limit", DOCKER_HUB),
    ("hap429", DOCKER_HUB),
    ("'index.docker.io'", DOCKER_HUB),
    ("docker hub rate limit", DOCKER_HUB),
    ("docker hub pull limit", DOCKER_HUB),
    ("aka.ms/acr", "azurecr.io"),
    ("allowed: ", "ghcr.io"),
    ("data limit exceeded", "public.ecr.aws"),
    ("rate exceeded", "public.ecr.aws"),
    ("artifactregistry", "pkg.dev"),
    ("quota metric", "pkg.dev"),
    ("ref a: ", "mcr.microsoft.com"),
)
"""How registries word their limits (observed)."""

_BARE = re.compile(
    r"(?: too many requests)?[\]})\"'.,]{0,3}\s{0,4}[\n,;\])}]|(?: too many requests)[\"'.]{0,3}\s{0,4}$"
)
_GET_WITHOUT_BODY = ("status code ", "from get request to ", "get ", 'get "')


def owner(text: Text, place: Address | None, image: ImageReference | None) -> str | None:
    """The host of the registry whose limit it is, None when nothing tells."""
    if place is not None and place.role is not Role.OTHER:
        return DOCKER_HUB if is_docker_hub(place.host) else place.host
    said = owner_by_words(text.low)
    if said == "azurecr.io" and image is not None and is_acr(image.registry):
        return image.registry
    return said or (image.registry if image is not None else None)


def owner_by_words(low: str) -> str | None:
    """The registry that words its limit like this."""
    for words, host in _BY_WORDS:
        if words in low:
            return host
    return None


def is_docker_hub(host: str) -> bool:
    """Whether a host belongs to Docker Hub: its registry, its token service, its download servers."""
    return host == DOCKER_HUB or host.endswith((".docker.io", ".docker.com"))


def hub_limit(low: str) -> str | None:
    """Which of Docker Hub's pull limits: `anonymous`, `account` (a named one), `authenticated`; None if it doesn't say.

    "by authenticating and upgrading" was said to anonymous and signed-in pullers alike (observed, 2020 to 2025).
    """
    if "unauthenticated pull rate limit" in low:
        return "anonymous"
    if "pull rate limit as " in low:
        return "account"
    if "increase the limit by upgrading" in low or "your authenticated pull rate limit" in low:
        return "authenticated"
    return None


def is_abuse_limit(text: Text, limit: Limit, place: Address | None) -> bool:
    """Whether Docker Hub's limit is the one against abuse: a bare refusal, where the pull limit explains itself.

    A HEAD request has no body, so a bare status after one proves nothing, and neither does a text that was cut within
    the status or behind it (the two kinds of body are documented: usage/pulls.md of docker/docs).
    """
    low = text.low
    if "pull rate limit" in low or "rate-limit" in low:
        return False
    if "hap429" in low or "toomanyrequests: too many requests" in low:
        return True
    if place is None or not low.endswith(_GET_WITHOUT_BODY, 0, place.start):
        return False
    return _BARE.match(low, limit.end) is not None
