"""Limits: whether a registry refused a read because of a limit, and whose limit it was.

The word "429" alone proves nothing: Azure Resource Manager, Kubernetes, GitHub, npm and language models say it too, and
Docker 29 refuses without it. So a status counts only with a registry beside it, and a registry's own code word
(`toomanyrequests`, in one case throughout) counts by itself. A refused push is a limit, but not one that a cache cures.

Whose limit: the host of the failing request, then the words of the limit, then the reference; never a substring.
"""

import re
from enum import Enum, auto
from typing import NamedTuple

from shared.domain.diagnosis.addresses import Address, is_docker_hub
from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import DOCKER_HUB, ImageReference, is_acr


class Kind(Enum):
    """What kind of throttling a text reports."""

    PULL = auto()
    PUSH = auto()
    ARM = auto()
    KUBELET = auto()


class Limit(NamedTuple):
    """A limit that a text reports, and where its words stand."""

    kind: Kind
    start: int
    end: int


_HINTS = ("429", "toomany", "too many", "rate", "quota", "limit exceeded", "throttled", "registryerrorresponse", "qps")
_PULL_LIMIT = re.compile(
    r"(?:reached|exceed(?:ed|ing|s)?|hit(?:ting)?|over)\b[^.\n]{0,80}?(?:pull|docker ?hub|download)[ -]{0,2}(?:rate[ -]?limit|limit)"
    r"|(?:pull|docker ?hub|download)[ -]{0,2}(?:rate[ -]?limit|limit)s?[^.\n]{0,40}?(?:reached|exceeded|hit\b)"
    r"|docker\.com/increase-rate-limit|docker-hub/download-rate-limit|\bhap429\b"
)
_QUOTA = re.compile(r"quota exceeded|rate limit exceeded|rate exceeded|data limit exceeded")
_STATUS = re.compile(
    r"\b429\b[)\"':,]{0,3} {0,2}(?:-|client error|too.?many)"
    r"|(?:status|code|https?(?:/[0-9.]{1,3})?|error|response|returned|received|got|failed with|image\S{0,200}:)"
    r"[ :=]{0,3}(?:code|status|http)?[ :=]{0,3}[(\[\"']?429\b(?![.:-]\d)"
    r"|\(429\)|^\s{0,8}429\b|too many requests|toomanyrequests"
)
_ARM = (
    "management.azure.com",
    "resourcerequeststhrottled",
    "subscriptionrequeststhrottled",
    "number of requests for",
    "number of read requests for subscription",
    "number of write requests for subscription",
    "the request is being throttled",
    "operationnotallowed",
)
_KUBELET = re.compile(r"(?:pull|registry) qps exceeded")
_PUSH = re.compile(
    r"(?:failed to|error|cannot|unable to|while) push|\bpushing\b|push access denied|/blobs/uploads?/|\buploading\b|the push refers to"
    r"|(?:docker|podman|nerdctl|buildah|helm|crane|oras|skopeo)(?: image)? (?P<command>push|pull)\b"
)
_REGISTRY_WORDS = re.compile(
    r"\bpull|\bimage\b|manifest|/v2/|\bregistry\b|\bblob|artifact\b|from daemon|failed to copy|httpread|failed to solve"
    r"|resolve reference|unexpected status|docker api responded|http\+docker|/images/create|parsing http 429 response|docker-ratelimit|server message"
)
_OTHER_TOOLS = re.compile(
    r"\bnpm |\byarn\b|\bpip[ 3]|\bcurl: |\bwget: |\bgem |\bcargo |\bmaven|\bapt-get|requested url returned|index\.yaml"
    r"|/api/v1/|/apis/|api\.github\.com|api rate limit|secondary rate limit|openai|anthropic|\bgpt-|tokens per|kube-apiserver"
    r"|generativelanguage|client-side throttling|the server has received too many requests"
)
_ACI = "registryerrorresponse"
_GOOGLE = ("artifactregistry", "container registry", "gcr.io", "pkg.dev")

_OWNERS = (
    ("docker.com/increase-rate-limit", DOCKER_HUB),
    ("docker-hub/download-rate-limit", DOCKER_HUB),
    ("pull rate limit", DOCKER_HUB),
    ("hap429", DOCKER_HUB),
    ("'index.docker.io'", DOCKER_HUB),
    ("aka.ms/acr", "azurecr.io"),
    ("allowed: ", "ghcr.io"),
    ("data limit exceeded", "public.ecr.aws"),
    ("rate exceeded", "public.ecr.aws"),
    ("artifactregistry", "pkg.dev"),
    ("quota metric", "pkg.dev"),
    ("ref a: ", "mcr.microsoft.com"),
)


def find_limit(text: Text, places: list[Address]) -> Limit | None:
    """The limit that a text reports, None when it reports none."""
    low = text.low
    if not any(hint in low for hint in _HINTS):
        return None
    if (throttled := _KUBELET.search(low)) is not None:
        return Limit(Kind.KUBELET, throttled.start(), throttled.end())
    if (words := _PULL_LIMIT.search(low)) is not None:
        return Limit(_pull_or_push(low, words.start(), places), words.start(), words.end())
    if any(sign in low for sign in _ARM) and (status := _arm_status(low)) is not None:
        return Limit(Kind.ARM, *status)
    return _code_word(text, places) or _quota(low, places) or _status(low, places) or _aci(low)


def owner(text: Text, place: Address | None, image: ImageReference | None) -> str | None:
    """The host of the registry whose limit it is, None when nothing tells."""
    if place is not None and place.registry:
        return DOCKER_HUB if is_docker_hub(place.host) else place.host
    said = owner_by_words(text.low)
    if said == "azurecr.io" and image is not None and is_acr(image.registry):
        return image.registry
    return said or (image.registry if image is not None else None)


def owner_by_words(low: str) -> str | None:
    """The registry that words its limit like this."""
    return next((host for words, host in _OWNERS if words in low), None)


def hub_limit(low: str) -> str | None:
    """Which of Docker Hub's pull limits: `anonymous`, `account` (a named one) or `authenticated`; None when it doesn't say.

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

    A HEAD request has no body, so a bare status after one proves nothing (documented: usage/pulls.md of docker/docs).
    """
    low = text.low
    if "hap429" in low:
        return True
    if "pull rate limit" in low or "increase-rate-limit" in low:
        return False
    if "toomanyrequests: too many requests" in low:
        return True
    if place is None or not limit.end < len(low.rstrip()):
        return False
    before = low[max(0, place.start - 40) : place.start]
    return (
        before.endswith(("status code ", "from get request to "))
        and "server message" not in low[limit.end : limit.end + 40]
    )


def place_of(limit_start: int, low: str, places: list[Address]) -> Address | None:
    """The address that a refusal at this position answers: the last before it on its line, else the next on it, else nearby."""
    start, end = _line(low, limit_start)
    after: Address | None = None
    for place in reversed(places):
        if place.start <= limit_start:
            near = place.start >= start or (place.registry and limit_start - place.end <= _NEARBY)
            return place if near and (place.start >= start or after is None) else after
        if place.start < end:
            after = place
    return after


_NEARBY = 200


def _line(low: str, position: int) -> tuple[int, int]:
    end = low.find("\n", position)
    return low.rfind("\n", 0, position) + 1, len(low) if end < 0 else end


def _pull_or_push(low: str, position: int, places: list[Address]) -> Kind:
    place = place_of(position, low, places)
    if place is not None and place.upload:
        return Kind.PUSH
    last = None
    for found in _PUSH.finditer(low, max(0, position - 600), position):
        last = found
    if last is None or last["command"] == "pull":
        return Kind.PULL
    return Kind.PUSH if last["command"] or "\n" not in low[last.end() : position] else Kind.PULL


def _arm_status(low: str) -> tuple[int, int] | None:
    found = re.search(r"toomanyrequests|\w{0,40}throttled|429|too many requests|number of \w{0,6} ?requests for", low)
    return (found.start(), found.end()) if found else None


def _code_word(text: Text, places: list[Address]) -> Limit | None:
    """A registry's `toomanyrequests`, all small or all capitals; `TooManyRequests` is .NET's, ARM's and Kubernetes' spelling."""
    position = -1
    for _ in range(16):
        position = text.low.find("toomanyrequests", position + 1)
        if position < 0:
            return None
        word = text.plain[position : position + 15]
        if word.islower() or word.isupper():
            end = _sentence_end(text.low, position + 15)
            return Limit(_pull_or_push(text.low, position, places), position, end)
    return None


def _sentence_end(low: str, position: int) -> int:
    if not low.startswith(":", position):
        return position
    ends = [end for end in (low.find(mark, position) for mark in (". ", "\n", '"', "http")) if end >= 0]
    return min(*ends, position + 120, len(low)) if ends else min(position + 120, len(low))


def _quota(low: str, places: list[Address]) -> Limit | None:
    found = _QUOTA.search(low)
    if found is None:
        return None
    start, end = _line(low, found.start())
    line = low[max(start, found.start() - 800) : min(end, found.end() + 400)]
    registry = _REGISTRY_WORDS.search(line) or any(word in line for word in _GOOGLE)
    if not registry or _OTHER_TOOLS.search(line):
        return None
    return Limit(_pull_or_push(low, found.start(), places), found.start(), found.end())


def _status(low: str, places: list[Address]) -> Limit | None:
    for count, found in enumerate(_STATUS.finditer(low)):
        if count == _MOST_STATUSES:
            break
        if _is_a_registrys(low, found, places):
            return Limit(_pull_or_push(low, found.start(), places), found.start(), found.end())
    return None


_MOST_STATUSES = 32


def _is_a_registrys(low: str, found: re.Match[str], places: list[Address]) -> bool:
    place = place_of(found.start(), low, places)
    if place is not None:
        return place.registry
    start, end = _line(low, found.start())
    line = low[max(start, found.start() - 800) : min(end, found.end() + 400)]
    if _OTHER_TOOLS.search(line):
        return False
    return (
        _REGISTRY_WORDS.search(line) is not None or _REGISTRY_WORDS.search(low, max(0, start - 300), start) is not None
    )


def _aci(low: str) -> Limit | None:
    """Container Instances' code for Docker Hub's limit.

    The text has no status; the support article "docker-hub-rate-limit-registryerrorresponse" says what it means (documented).
    """
    position = low.find(_ACI)
    if position < 0 or "docker.io" not in low:
        return None
    return Limit(Kind.PULL, position, position + len(_ACI))
