"""What stands in the way of a rule that is wanted: repositories and rules that ACR, or their users, would not forgive.

ACR refuses a rule over an existing repository, a second rule at a static target, and nested wildcards. It admits a
static rule that takes a target away from a wildcard, and we do not where that wildcard is below our own prefix.
"""

import msgspec

from shared.domain.cache_rules import CacheRule, source_problem, target_problem, to_source, to_target
from shared.domain.plans import Blocked
from shared.domain.policy import Policy
from shared.domain.rule_index import RuleIndex, free_prefix
from shared.domain.widening import Mapping


class Obstacle(msgspec.Struct, frozen=True):
    """Why a rule can't be made, and what a person can do."""

    reason: Blocked
    detail: str


class ObstacleFinder:
    """Finds obstacles in one registry."""

    def __init__(self, index: RuleIndex, policy: Policy) -> None:
        self._index = index
        self._policy = policy
        self._proposals: dict[str, str] = {}
        self._found: dict[Mapping, Obstacle | None] = {}

    def find(self, mapping: Mapping, source: str) -> Obstacle | None:
        """What keeps a mapping from serving an upstream repository, None when nothing does."""
        if mapping not in self._found:
            self._found[mapping] = self._against(mapping)
        return self._found[mapping] or self._over(mapping, source)

    def _against(self, mapping: Mapping) -> Obstacle | None:
        """What keeps the rule from being made at all."""
        problem = source_problem(mapping.source) or target_problem(mapping.target)
        if problem:
            return Obstacle(Blocked.INVALID_REFERENCE, f"no rule can have the path {mapping.target}: {problem}")
        if self._index.has_repository(mapping.target):
            return Obstacle(Blocked.TARGET_REPOSITORY_EXISTS, self._exists(mapping))
        if mapping.path.endswith("*"):
            nested = self._index.wildcard_nested_with(mapping.target)
            return self._overlap(mapping, nested) if nested else None
        same = self._index.static_at(mapping.target)
        if same is not None and self._index.failed(mapping.source, mapping.target) is not same:
            return self._overlap(mapping, same)
        taken = next(self._index.wildcards_over(mapping.target), None)
        if taken is not None and taken.target.startswith(f"{mapping.prefix}/"):
            return self._overlap(mapping, taken, taken_away=to_source(taken, mapping.target))
        return None

    def _over(self, mapping: Mapping, source: str) -> Obstacle | None:
        """What would stand over the rule at the target of one repository."""
        target = to_target(mapping.as_rule(), source)
        static = self._index.static_at(target) if target and mapping.path.endswith("*") else None
        return self._overlap(mapping, static) if static else None

    def _exists(self, mapping: Mapping) -> str:
        if mapping.path.endswith("*"):
            what = f"Repositories exist below {mapping.target[:-1]}, and ACR makes no wildcard rule over them"
            narrower = f" or upstreams.{mapping.host}.granularity to repository"
        else:
            what = f"The repository {mapping.target} exists, and ACR makes no rule over it"
            narrower = ""
        return f"{what}. {self._proposal(mapping)}{narrower}; or delete what exists once nothing needs it."

    def _overlap(self, mapping: Mapping, rule: CacheRule, *, taken_away: str | None = None) -> Obstacle:
        mine = f"{mapping.source} -> {mapping.target}"
        theirs = f"the rule {rule.name} ({rule.source} -> {rule.target}, {rule.provisioning_state})"
        clash = f"would take {taken_away} away from" if taken_away else "can't stand beside"
        detail = f"{mine} {clash} {theirs}. {self._proposal(mapping)}, or delete that rule if nobody needs it."
        return Obstacle(Blocked.OVERLAPS_RULE, detail)

    def _proposal(self, mapping: Mapping) -> str:
        if mapping.host not in self._proposals:
            others = [upstream.target for upstream in self._policy.upstreams.values()]
            free = free_prefix(self._index, mapping.prefix, others)
            to = f"{free}, which is free" if free else "a prefix at which nothing exists"
            self._proposals[mapping.host] = f"Set upstreams.{mapping.host}.target to {to}"
        return self._proposals[mapping.host]
