"""Which rule serves a repository, and what it is called upstream.

The trap it avoids: a mapping is pure prefix substitution. ACR adds and removes nothing, so `docker.io/*` does not find
`alpine` without its `library/`, and `docker.io/library/*` looks for `library/bitnami/redis`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sandbox.acr.ports import Rule
from sandbox.arm.targets import parse_source, parse_target


class Upstream(NamedTuple):
    """A repository at another registry, and the rule that leads to it."""

    rule: Rule
    host: str
    repository: str

    @property
    def source(self) -> str:
        """The repository with its host, as ACR's messages name it."""
        return f"{self.host}/{self.repository}"


def serving_rule(rules: Iterable[Rule], repository: str) -> Rule | None:
    """The rule for a repository: a static one before a wildcard, of wildcards the longest prefix; None without any."""
    found: list[tuple[bool, int, Rule]] = []
    for rule in rules:
        target = parse_target(rule.target)
        if target is not None and target.matches(repository):
            found.append((not target.wildcard, len(target.prefix), rule))
    return max(found, key=lambda item: item[:2])[2] if found else None


def upstream_of(rules: Iterable[Rule], repository: str) -> Upstream | None:
    """Where the repository's images come from; None when no rule covers it."""
    rule = serving_rule(rules, repository)
    if rule is None:
        return None
    source, target = parse_source(rule.source), parse_target(rule.target)
    if source is None or target is None:
        return None
    host, path = source
    if not path.wildcard:
        return Upstream(rule, host, path.prefix)
    rest = repository.removeprefix(f"{target.prefix}/") if target.prefix else repository
    return Upstream(rule, host, f"{path.prefix}/{rest}" if path.prefix else rest)
