"""Cache rules and their algebra: which rule serves what, and which rules may stand side by side.

ACR maps by prefix substitution and nothing else: `docker.io/* -> hub/*` serves `hub/library/nginx` and not `hub/nginx`.
Prefixes end at a slash, so `hub/library2` is not below `hub/library`. Every function here is total: a rule that ACR
would refuse (`docker.io/foo*`) serves nothing and is compared as it is written, since a reading of a registry must
never fail on one odd rule. Evidence: https://learn.microsoft.com/azure/container-registry/wildcards-artifact-cache.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from shared.domain.images import ImageReference

MOST_RULES = 1000
"""Rules that one registry can hold (documented, artifact-cache-overview)."""

_LONGEST_PATH = 255
_LONGEST_NAME = 49
_SHORTEST_NAME = 5
_DIGEST_LENGTH = 8
_SERVING_STATES = frozenset({"succeeded", "creating", "updating", ""})
_SEGMENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"

REPOSITORY_PATTERN = rf"{_SEGMENT}(?:/{_SEGMENT})*"
"""A repository name, as the OCI distribution specification has it."""

HOST_PATTERN = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
"""An upstream's host, in lower case."""

_PATH = re.compile(REPOSITORY_PATTERN)
_HOST = re.compile(HOST_PATTERN)
_RULE_NAME = re.compile(r"[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*")


class CacheRule(msgspec.Struct, frozen=True, order=True):
    """An ACR cache rule.

    Attributes:
        name: its name within the registry.
        source: the upstream path with its host; a wildcard rule ends in `/*`: `docker.io/library/nginx`, `docker.io/*`.
        target: the path in the registry: `docker-hub/library/nginx`, `docker-hub/*`, `*`.
        credential_set: the name of its credential set, None when it pulls anonymously.
        provisioning_state: `Succeeded`, `Creating`, `Updating`, `Failed`, …
    """

    name: str
    source: str
    target: str
    credential_set: str | None = None
    provisioning_state: str = "Succeeded"

    @property
    def is_wildcard(self) -> bool:
        """Whether it maps every path below its source to the same path below its target."""
        return self.source != "*" and _is_wildcard(self.source) and _is_wildcard(self.target)

    @property
    def host(self) -> str:
        """The upstream's host, in lower case."""
        return self.source.partition("/")[0].lower()

    @property
    def is_serving(self) -> bool:
        """Whether ACR has made it, or is making it; a failed rule and one that is being deleted serve nothing."""
        return self.provisioning_state.lower() in _SERVING_STATES


@lru_cache(maxsize=4096)
def canonical_source(source: str) -> str:
    """The source as references are compared with it: host in lower case, `library/` written out on Docker Hub.

    ACR adds `library/` to a static Docker Hub source that lacks it (documented since 2025, artifact-cache-overview). A
    wildcard stays as it is: below `docker.io/*` only `library/nginx` finds the official image (seen, Azure/acr#599).
    """
    host, slash, path = source.partition("/")
    host = host.lower()
    if host == "docker.io" and path and path != "*" and "/" not in path:
        path = f"library/{path}"
    return f"{host}{slash}{path}"


def to_target(rule: CacheRule, source: str) -> str | None:
    """Where the rule serves an upstream repository (`docker.io/library/nginx`), None when it doesn't."""
    own = canonical_source(rule.source)
    if rule.is_wildcard:
        rest = _below(own, source)
        return None if rest is None else rule.target[:-1] + rest
    if "*" in own or "*" in rule.target:
        return None
    return rule.target if source == own else None


def to_source(rule: CacheRule, target: str) -> str | None:
    """The upstream repository that the rule serves at a repository of the registry, None when it serves none there."""
    own = canonical_source(rule.source)
    if rule.is_wildcard:
        rest = _below(rule.target, target)
        return None if rest is None else own[:-1] + rest
    if "*" in own or "*" in rule.target:
        return None
    return own if target == rule.target else None


def covers(rule: CacheRule, image: ImageReference) -> bool:
    """Whether the rule, taken alone, serves the image; another rule may stand over its target (`serving_rule`)."""
    return to_target(rule, image.source) is not None


def overlaps(one: CacheRule, other: CacheRule) -> bool:
    """Whether ACR refuses the two in one registry; symmetric.

    Only targets count, whatever the sources (documented): two wildcards must not be equal or nested, two static rules
    must not share a target, and a static target may stand below a wildcard.
    """
    if one.is_wildcard and other.is_wildcard:
        mine, theirs = one.target[:-1], other.target[:-1]
        return mine.startswith(theirs) or theirs.startswith(mine)
    return one.is_wildcard == other.is_wildcard and one.target == other.target


def serving_rule(rules: Iterable[CacheRule], target: str) -> CacheRule | None:
    """The rule that serves a pull of a repository of the registry, None when it is served by no rule.

    A static rule beats a wildcard (inferred from the documented words "more specific"). ACR admits no second candidate
    of the same kind; should a reading show one, the longest prefix and then the name decide: a stable answer.
    """
    candidates = [rule for rule in rules if rule.is_serving and to_source(rule, target) is not None]
    return min(candidates, key=lambda rule: (rule.is_wildcard, -len(rule.target), rule.name), default=None)


def rule_name(source: str, target: str, *, attempt: int = 0) -> str:
    """A rule's name made from what it maps, so that the same rule has the same name wherever it is planned.

    5 to 49 characters of `^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$`. A digest of source and target keeps apart what reads the
    same (`a/b-c` and `a-b/c`); `attempt` gives the next name when a foreign rule has this one.
    """
    return resource_name(source.replace("*", "all"), f"{source}\n{target}", attempt=attempt)


def resource_name(readable: str, identity: str, *, attempt: int = 0) -> str:
    """A name that ACR and the stricter azurerm accept: what people can read, then a digest of `identity`."""
    told = identity if attempt == 0 else f"{identity}\n{attempt}"
    digest = hashlib.sha256(told.encode()).hexdigest()[:_DIGEST_LENGTH]
    words = re.sub(r"[^a-z0-9]+", "-", readable.lower()).strip("-")
    words = words[: _LONGEST_NAME - _DIGEST_LENGTH - 1].strip("-")
    return f"{words}-{digest}" if words else digest


def is_rule_name(name: str) -> bool:
    """Whether a rule or credential set can have this name."""
    return _SHORTEST_NAME <= len(name) <= _LONGEST_NAME and _RULE_NAME.fullmatch(name) is not None


def source_problem(source: str) -> str | None:
    """What is wrong with a rule's source, None when nothing is."""
    host, slash, path = source.partition("/")
    if not slash or not path:
        return "a source is an upstream host and a path: docker.io/library/nginx, docker.io/*"
    if not _HOST.fullmatch(host):
        return f"{host!r} is no upstream host: lower case, with a dot, without a port"
    return _path_problem(path)


def target_problem(target: str) -> str | None:
    """What is wrong with a rule's target, None when nothing is."""
    return _path_problem(target)


def rule_problem(rule: CacheRule) -> str | None:
    """What ACR would refuse in the rule itself, None when nothing."""
    if not is_rule_name(rule.name):
        return f"{rule.name!r} is no rule name: 5 to 49 letters and digits, single hyphens between them"
    if _is_wildcard(rule.source) is not _is_wildcard(rule.target):
        return "a wildcard stands on both sides or on neither"
    return source_problem(rule.source) or target_problem(rule.target)


def _path_problem(path: str) -> str | None:
    fixed = path.removesuffix("/*")
    if len(path) > _LONGEST_PATH:
        return f"a path has at most {_LONGEST_PATH} characters, this one {len(path)}"
    if path == "*" or _PATH.fullmatch(fixed):
        return None
    if "*" in fixed:
        return "one * at most, and only as the whole last segment"
    if ":" in path or "@" in path:
        return "a path carries neither tag nor digest"
    return "a path is lower-case letters, digits and . _ - between them, in segments divided by /"


def _is_wildcard(path: str) -> bool:
    return path == "*" or (path.endswith("/*") and path.count("*") == 1)


def _below(pattern: str, path: str) -> str | None:
    """What stands for the `*` of `prefix/*` or `*` in a path, None when the path is not below it."""
    prefix = pattern[:-1]
    return path[len(prefix) :] if path.startswith(prefix) and len(path) > len(prefix) else None
