"""The upstreams of a proposal: what existing rules serve, and the repositories that run, each once and by name.

Nothing is widened: a pattern has a star only where a rule has one, and beyond `MOST_PATTERNS` repositories are counted
and left to a person.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.cache_rules import REPOSITORY_PATTERN, CacheRule, canonical_source, to_source
from shared.domain.counting import counted
from shared.domain.images import DOCKER_HUB, ImageReference, canonical_host
from shared.domain.patterns import matches_any
from shared.domain.policy_patterns import pattern_errors, pattern_warnings
from shared.domain.proposal.credentials import Credentials
from shared.domain.proposal.found import Found, SeenImage
from shared.domain.proposal.model import ProposedUpstream, Remarked
from shared.domain.upstreams import Authentication, upstream_for

MOST_PATTERNS: Final = 200
"""Patterns that are listed for one upstream; a list that nobody reads allows what nobody meant."""

_LONGEST_PATTERN: Final = 255
_LONGEST_TARGET: Final = 120
_TARGETS: Final = {DOCKER_HUB: "docker-hub"}
_REPOSITORY: Final = re.compile(REPOSITORY_PATTERN)


class _Repository(msgspec.Struct):
    """How a repository was seen."""

    count: int = 0
    failures: int = 0
    resources: set[str] = msgspec.field(default_factory=set)
    last: str = ""

    def add(self, seen: SeenImage) -> None:
        if seen.failed:
            self.failures += seen.count
        else:
            self.count += seen.count
        self.resources |= {seen.resource_id} - {""}
        if seen.last_seen is not None:
            self.last = max(self.last, seen.last_seen.date().isoformat())

    @property
    def remark(self) -> str:
        told = []
        if self.count:
            told.append(f"seen {counted(self.count, 'time')}")
        if self.failures:
            told.append(f"failed {counted(self.failures, 'time')}")
        if self.resources:
            told.append(f"at {counted(len(self.resources), 'place')}")
        return ", ".join(told) + (f", last {self.last}" if self.last else "")


def propose_upstreams(found: Found, credentials: Credentials) -> tuple[ProposedUpstream, ...]:
    """Each upstream that ACR can cache and that rules or images name; Docker Hub in any case."""
    seen = _by_host(found)
    rules = _rules_by_host(found)
    hosts = sorted({DOCKER_HUB, *seen, *rules}, key=lambda host: (host != DOCKER_HUB, host))
    targets = _targets(hosts, rules, found)
    return tuple(_upstream(host, targets[host], rules.get(host, ()), seen.get(host, {}), credentials) for host in hosts)


def _upstream(
    host: str,
    target: Remarked,
    rules: Sequence[CacheRule],
    seen: Mapping[str, _Repository],
    credentials: Credentials,
) -> ProposedUpstream:
    allow = {pattern: f"cache rule {rule.name}" for rule in rules for pattern in _pattern(host, rule)}
    further = sorted(seen.items(), key=lambda item: (-item[1].failures, -item[1].count, item[0]))
    left_out = 0
    for repository, how in further:
        if repository in allow:
            allow[repository] += f", {how.remark}" if how.remark else ""
        elif not matches_any(allow, repository) and _is_sound(host, repository):
            if len(allow) >= MOST_PATTERNS:
                left_out += 1
            else:
                allow[repository] = how.remark
    credential = credentials.of(host)
    remarks = []
    upstream = upstream_for(host)
    if credential is None and upstream is not None and upstream.authentication is Authentication.REQUIRED:
        remarks.append("no credential set was found, and ACR makes no rule for this upstream without one")
    return ProposedUpstream(
        host,
        target,
        tuple(Remarked(pattern, remark) for pattern, remark in allow.items()),
        left_out,
        credential,
        tuple(remarks),
    )


def _pattern(host: str, rule: CacheRule) -> Iterator[str]:
    """What a rule serves, as a pattern; a rule's star stands for several segments (documented)."""
    _, _, path = canonical_source(rule.source).partition("/")
    pattern = f"{path[:-1]}**" if rule.is_wildcard else path
    if _is_sound(host, pattern):
        yield pattern


def _is_sound(host: str, pattern: str) -> bool:
    """Whether the policy takes a pattern without an error or a warning."""
    fixed = pattern.removesuffix("/**")
    if len(pattern) > _LONGEST_PATTERN or (pattern != "**" and _REPOSITORY.fullmatch(fixed) is None):
        return False
    return pattern_errors(host, pattern) is None and pattern_warnings(host, pattern, ()) is None


def _by_host(found: Found) -> dict[str, dict[str, _Repository]]:
    """The repositories that were seen, by the upstream that they come from, through a rule or straight."""
    seen: dict[str, dict[str, _Repository]] = defaultdict(lambda: defaultdict(_Repository))
    for one in found.images:
        source = _source(one.image, found)
        host, _, repository = source.partition("/")
        if upstream_for(host) is not None:
            seen[host][repository].add(one)
    return seen


def _source(image: ImageReference, found: Found) -> str:
    """Where an image comes from: one that a registry serves through a rule comes from the rule's upstream."""
    for registry in found.registries:
        if image.registry == registry.snapshot.login_server.lower():
            for rule in registry.snapshot.rules:
                source = to_source(rule, image.repository)
                if source is not None:
                    return source
    return image.source


def _rules_by_host(found: Found) -> dict[str, list[CacheRule]]:
    by_host: dict[str, list[CacheRule]] = defaultdict(list)
    for registry in found.registries:
        for rule in sorted(registry.snapshot.rules, key=lambda rule: (rule.name, rule.source, rule.target)):
            host = canonical_host(rule.host)
            if upstream_for(host) is not None:
                by_host[host].append(msgspec.structs.replace(rule, source=f"{host}/{rule.source.partition('/')[2]}"))
    return by_host


def _targets(hosts: Iterable[str], rules: Mapping[str, Sequence[CacheRule]], found: Found) -> dict[str, Remarked]:
    """A prefix for each upstream, of its rules where they have one; none equals another or stands below it."""
    chosen: dict[str, Remarked] = {}
    taken = {name for registry in found.registries for name in registry.snapshot.repositories}
    for host in hosts:
        used = Counter(filter(None, map(_prefix, rules.get(host, ()))))
        for prefix, times in used.most_common():
            if not _nests(prefix, (one.value for one in chosen.values())):
                chosen[host] = Remarked(prefix, f"as {counted(times, 'cache rule')} of it has it")
                break
        else:
            chosen[host] = Remarked(_free(_TARGETS.get(host, host), chosen, taken), "nothing uses it yet")
    return chosen


def _prefix(rule: CacheRule) -> str | None:
    """The prefix under which a rule keeps the upstream's own paths, None where it has another order."""
    _, _, path = canonical_source(rule.source).partition("/")
    prefix = rule.target.removesuffix(f"/{path}")
    if prefix == rule.target or len(prefix) > _LONGEST_TARGET or _REPOSITORY.fullmatch(prefix) is None:
        return None
    return prefix


def _free(wanted: str, chosen: Mapping[str, Remarked], repositories: Iterable[str]) -> str:
    """The prefix, or the first with a number, that neither upstreams nor repositories have: ACR makes no rule there."""
    others = [*(one.value for one in chosen.values()), *repositories]
    number, prefix = 1, wanted
    while _nests(prefix, others):
        number += 1
        prefix = f"{wanted}-{number}"
    return prefix


def _nests(one: str, others: Iterable[str]) -> bool:
    return any(f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/") for other in others)
