"""Limits: whether a text reports a refusal because of a limit, and of what.

The word "429" alone proves nothing: Azure Resource Manager, Kubernetes, GitHub, npm and language models say it too, and
Docker 29 refuses without it. So a status counts only with a registry beside it, and a registry's own code word
(`toomanyrequests`, in one case throughout) counts by itself. A refused push is a limit, but not one that a cache cures.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto

import msgspec

from shared.domain.diagnosis.addresses import Address, Role, place_of
from shared.domain.diagnosis.unwrapping import Text, line_at


class Kind(Enum):
    """What kind of throttling a text reports."""

    PULL = auto()
    PUSH = auto()
    ARM = auto()
    KUBELET = auto()


class Limit(msgspec.Struct, frozen=True):
    """A limit that a text reports, and where its words stand."""

    kind: Kind
    start: int
    end: int


_HUB_LINKS = ("docker.com/increase-rate-limit", "docker-hub/download-rate-limit", "(hap429)")
_REACHED = re.compile(r"\b(?:reached|exceed(?:ed|ing|s)?|hit(?:ting|s)?|over)\b")
_HUB_LIMIT = re.compile(r"(?:pull|docker ?hub|dockerhub's|download)[ -]{0,2}(?:api )?(?:rate[ -]?limit|limit)")
_QUOTA = re.compile(r"quota exceeded|rate limit exceeded|rate exceeded|data limit exceeded")
_STATUS_AFTER = re.compile(r"[)\"':,]{0,3} {0,2}(?:-|client error|too.?many)")
_STATUS_BEFORE = re.compile(
    r"(?:status|code|https?(?:/[0-9.]{1,3})?|error|response|returned|received|got|failed with|:)"
    r"[ :=]{0,3}(?:code|status|http)?[ :=]{0,3}[(\[\"']?$|(?:^|\n)[ \t]{0,8}$|\($"
)
_STATUS_WORDS = ("too many requests", "toomanyrequests")
_ARM_SIGNS = (
    "management.azure.com",
    "requeststhrottled",
    "number of requests for",
    "read requests for",
    "write requests for",
    "delete requests for",
    "the request is being throttled",
    "operationnotallowed",
)
_ARM = re.compile(r"toomanyrequests|\w{0,40}throttled|\b429\b|too many requests|number of \w{0,6} ?requests for")
_PUSH = re.compile(
    r"(?:failed to|error|cannot|unable to|while) push|\bpushing\b|push access denied|/blobs/uploads?/|\buploading\b"
    r"|(?P<push>the push refers to|(?:docker|podman|nerdctl|buildah|helm|crane|oras|skopeo)(?: image)? push\b)"
    r"|(?P<pull>(?:docker|podman|nerdctl|buildah|helm|crane|oras|skopeo)(?: image)? pull\b)"
)
_REGISTRY_WORDS = re.compile(
    r"\bpull|\bimage\b|manifest|/v2/|\bregistry\b|\bblob|artifact\b|from daemon|failed to copy|httpread|failed to solve"
    r"|resolve reference|unexpected status|docker api responded|http\+docker|/images/create|parsing http 429 response"
    r"|docker-ratelimit|server message"
)
_OTHER_TOOLS = re.compile(
    r"\bnpm |\byarn\b|\bpip[ 3]|\bcurl: |\bwget: |\bgem |\bcargo |\bmaven|\bapt-get|requested url returned|index\.yaml"
    r"|/api/v1/|/apis/|api\.github\.com|api rate limit|secondary rate limit|openai|anthropic|\bgpt-|tokens per"
    r"|kube-apiserver"
    r"|generativelanguage|client-side throttling|the server has received too many requests"
)
_GOOGLE = ("artifactregistry", "container registry", "gcr.io", "pkg.dev")
_ACI = "registryerrorresponse"
_GATES = ("limit", "429", "too many", "toomany", "exceeded", "throttled", "requests for", _ACI)
"""Every limit contains one of these, so that a text without any of them is done with."""

_MOST = 32


def find_limit(text: Text, places: list[Address]) -> Limit | None:
    """The limit that a text reports, None when it reports none."""
    low = text.low
    for gate in _GATES:
        if gate in low:
            break
    else:
        return None
    if "qps exceeded" in low:
        start = low.find("qps exceeded")
        return Limit(Kind.KUBELET, max(0, low.rfind(" ", 0, max(0, start - 1)) + 1), start + 12)
    return (
        _pull_limit(low, places)
        or _arm(low)
        or _code_word(text, places)
        or _quota(low, places)
        or _status(low, places)
        or _aci(low)
    )


def _pull_limit(low: str, places: list[Address]) -> Limit | None:
    """Docker Hub's own words, which need no status: Docker 29 prints none."""
    position = low.find("rate limit")
    if position < 0 and "limit" in low and (hub := _HUB_LIMIT.search(low)) is not None:
        position = hub.start()
    for _ in range(_MOST):
        if position < 0:
            break
        start = low.rfind("you have reached your ", max(0, position - 60), position)
        around = low[max(0, position - 90) : position + 50]
        if (start >= 0 and low.startswith("pull ", position - 5)) or (
            _REACHED.search(around) and _HUB_LIMIT.search(around)
        ):
            start = start if start >= 0 else max(0, position - 40)
            return Limit(_pull_or_push(low, position, places), start, position + 10)
        position = low.find("rate limit", position + 1)
    for link in _HUB_LINKS:
        position = low.find(link)
        if position >= 0:
            return Limit(_pull_or_push(low, position, places), position, position + len(link))
    return None


def _arm(low: str) -> Limit | None:
    for sign in _ARM_SIGNS:
        if sign in low and (found := _ARM.search(low)) is not None:
            return Limit(Kind.ARM, found.start(), found.end())
    return None


def _code_word(text: Text, places: list[Address]) -> Limit | None:
    """A registry's `toomanyrequests`, all small or all capitals; `TooManyRequests` is .NET, ARM and Kubernetes."""
    position = text.low.find("toomanyrequests")
    for _ in range(_MOST):
        if position < 0:
            break
        end = position + 15
        word = text.plain[position:end]
        if word.islower() or word.isupper():
            return Limit(_pull_or_push(text.low, position, places), position, end)
        position = text.low.find("toomanyrequests", end)
    return None


def _quota(low: str, places: list[Address]) -> Limit | None:
    if "exceeded" not in low or (found := _QUOTA.search(low)) is None:
        return None
    line = _around(low, found.start(), found.end())
    registry = _REGISTRY_WORDS.search(line) or any(word in line for word in _GOOGLE)
    if not registry or _OTHER_TOOLS.search(line):
        return None
    return Limit(_pull_or_push(low, found.start(), places), found.start(), found.end())


def _status(low: str, places: list[Address]) -> Limit | None:
    """A status 429, as a number or in words, that a registry gave."""
    for start, end in (*_numbers(low), *_words(low)):
        if _is_a_registrys(low, start, end, places):
            return Limit(_pull_or_push(low, start, places), start, end)
    return None


def _numbers(low: str) -> Iterator[tuple[int, int]]:
    """Where 429 stands as a status and not as any number, at most 32 places."""
    position = low.find("429")
    for _ in range(_MOST):
        if position < 0:
            return
        end = position + 3
        alone = not low[position - 1 : position].isalnum() and not low[end : end + 1].isalnum()
        if alone and (_STATUS_AFTER.match(low, end) or _STATUS_BEFORE.search(low[max(0, position - 40) : position])):
            yield position, end
        position = low.find("429", end)


def _words(low: str) -> Iterator[tuple[int, int]]:
    for words in _STATUS_WORDS:
        position = low.find(words)
        for _ in range(_MOST):
            if position < 0:
                break
            yield position, position + len(words)
            position = low.find(words, position + 1)


def _is_a_registrys(low: str, start: int, end: int, places: list[Address]) -> bool:
    place = place_of(start, low, places)
    if place is not None:
        return place.role is not Role.OTHER
    line = _around(low, start, end)
    if _OTHER_TOOLS.search(line):
        return False
    start, _ = line_at(low, start)
    return (
        _REGISTRY_WORDS.search(line) is not None or _REGISTRY_WORDS.search(low, max(0, start - 300), start) is not None
    )


def _around(low: str, start: int, end: int) -> str:
    first, last = line_at(low, start)
    return low[max(first, start - 800) : min(last, end + 400)]


def _aci(low: str) -> Limit | None:
    """Container Instances' code for Docker Hub's limit.

    The text has no status; the support article "docker-hub-rate-limit-registryerrorresponse" says what it means
    (documented).
    """
    position = low.find(_ACI)
    if position < 0 or "docker.io" not in low:
        return None
    return Limit(Kind.PULL, position, position + len(_ACI))


def _pull_or_push(low: str, position: int, places: list[Address]) -> Kind:
    if "push" not in low and "upload" not in low:
        return Kind.PULL
    place = place_of(position, low, places)
    if place is not None and place.role is Role.UPLOAD:
        return Kind.PUSH
    last = None
    for found in _PUSH.finditer(low, max(0, position - 600), position):
        last = found
    if last is None or last["pull"]:
        return Kind.PULL
    return Kind.PUSH if last["push"] or "\n" not in low[last.end() : position] else Kind.PULL
