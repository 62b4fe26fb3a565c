"""Plans what is missing: from what a registry holds, what failed and what the policy allows, to ordered actions.

Pure and total: the same reading gives the same plan whatever the images' texts say, and planning again after applying
gives none. Each repository is decided once and by itself; only the quota looks at all of them together.
"""

from collections.abc import Iterable, Sequence

from msgspec import structs

from shared.domain.cache_rules import MOST_RULES, CacheRule, rule_name, to_target
from shared.domain.credential_choice import CredentialChooser
from shared.domain.decisions import Decider, Decision
from shared.domain.obstacles import ObstacleFinder
from shared.domain.plans import (
    Action,
    AttachCredentialSet,
    Blocked,
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
    Outcome,
    Plan,
    PlannedImage,
    Status,
)
from shared.domain.policy import Granularity, Limits, Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot
from shared.domain.rule_index import RuleIndex
from shared.domain.widening import Mapping, Wider, fit, is_within_allow, mapping_of

_ORDER = (CreateCredentialSet, GrantVaultAccess, CreateCacheRule, AttachCredentialSet)
_MOST_EXAMPLES = 3


def plan(
    snapshot: RegistrySnapshot, images: Sequence[PlannedImage], policy: Policy, *, registry: RegistryPolicy
) -> Plan:
    """The actions that are missing before a registry serves the images, and what becomes of each image.

    Linear in images, rules and repositories. The actions stand in the order in which they have to run, the outcomes in
    the order of `images`.
    """
    index = RuleIndex(snapshot)
    chooser = CredentialChooser(snapshot, policy)
    obstacles = ObstacleFinder(index, policy)
    decider = Decider(snapshot, policy, index=index, chooser=chooser, obstacles=obstacles, registry=registry)
    decisions = [decider.decide(image) for image in images]
    placed = _place(decisions, policy, index, obstacles)
    rules = _named(placed, decisions, index, chooser)
    actions = [action for decision in decisions for action in decision.actions]
    for mapping, rule in rules.items():
        choice = chooser.choose(mapping.host)
        actions += [action for action in (choice.create, choice.grant, rule) if action is not None]
    outcomes = _Outcomes(
        snapshot, policy, {wanted: rules.get(place) if place else None for wanted, place in placed.items()}
    )
    return Plan(actions=_in_order(actions), outcomes=tuple(outcomes.of(decision) for decision in decisions))


def _place(
    decisions: Iterable[Decision], policy: Policy, index: RuleIndex, obstacles: ObstacleFinder
) -> dict[Mapping, Mapping | None]:
    """What each wanted mapping is covered by, None where the quota leaves no room."""
    wanted = dict.fromkeys(decision.mapping for decision in decisions if decision.mapping is not None)
    again = {mapping: mapping for mapping in wanted if index.failed(mapping.source, mapping.target)}
    new = [mapping for mapping in wanted if mapping not in again]
    free = policy.limits.rules_per_registry - index.count
    wider = _wider(policy, obstacles) if policy.limits.widen_when_full else None
    return {**fit(new, free, wider), **again}


def _wider(policy: Policy, obstacles: ObstacleFinder) -> Wider:
    def wider(mapping: Mapping, granularity: Granularity) -> Mapping | None:
        wide = mapping_of(mapping.host, mapping.path, mapping.prefix, granularity)
        admitted = is_within_allow(wide, policy.upstreams[mapping.host]) and obstacles.find(wide, wide.source) is None
        return wide if wide.path.endswith("*") and admitted else None

    return wider


def _named(
    placed: dict[Mapping, Mapping | None], decisions: Iterable[Decision], index: RuleIndex, chooser: CredentialChooser
) -> dict[Mapping, CreateCacheRule]:
    """The rules to create, under names that no other rule has."""
    failing: dict[Mapping, dict[str, None]] = {}
    for decision in decisions:
        place = placed.get(decision.mapping) if decision.mapping else None
        if place is not None:
            failing.setdefault(place, {})[decision.source] = None
    taken: set[str] = set()
    rules: dict[Mapping, CreateCacheRule] = {}
    for mapping, sources in failing.items():
        failed = index.failed(mapping.source, mapping.target)
        name = failed.name if failed else _free_name(mapping, index, taken)
        taken.add(name.lower())
        rules[mapping] = CreateCacheRule(
            name=name,
            source=mapping.source,
            target=mapping.target,
            credential_set=chooser.choose(mapping.host).name,
            why=_why(mapping, list(sources), failed),
        )
    return rules


def _free_name(mapping: Mapping, index: RuleIndex, taken: set[str]) -> str:
    attempt = 0
    while True:
        name = rule_name(mapping.source, mapping.target, attempt=attempt)
        if index.named(name) is None and name.lower() not in taken:
            return name
        attempt += 1


def _why(mapping: Mapping, sources: list[str], failed: CacheRule | None) -> str:
    examples = ", ".join(sources[:_MOST_EXAMPLES])
    more = f" and {len(sources) - _MOST_EXAMPLES} more" if len(sources) > _MOST_EXAMPLES else ""
    if failed is not None:
        return f"the rule is there but was not made ({failed.provisioning_state}); it would serve {examples}{more}"
    verb = "is" if len(sources) == 1 else "are"
    return (
        f"{examples}{more} {verb} limited at {mapping.host} and no rule covers {'it' if len(sources) == 1 else 'them'}"
    )


class _Outcomes:
    """Says what a plan means for each image."""

    def __init__(
        self, snapshot: RegistrySnapshot, policy: Policy, rules: dict[Mapping, CreateCacheRule | None]
    ) -> None:
        self._login_server = snapshot.login_server
        self._limits = policy.limits
        self._rules = rules

    def of(self, decision: Decision) -> Outcome:
        """The outcome of one decision."""
        told = Outcome(image=decision.image, status=decision.status, reason=decision.reason, detail=decision.detail)
        if decision.mapping is None:
            rule = decision.rule
            return self._served(told, rule.name, decision.target, decision) if rule is not None else told
        action = self._rules[decision.mapping]
        if action is None:
            return structs.replace(
                told, status=Status.BLOCKED, reason=Blocked.RULE_QUOTA_REACHED, detail=_full(self._limits)
            )
        if action.source != decision.mapping.source:
            detail = "A wider rule than usual, since narrow ones no longer fit the limit of rules."
            told = structs.replace(told, detail=detail)
        target = to_target(CacheRule(action.name, action.source, action.target), decision.source)
        return self._served(told, action.name, target, decision)

    def _served(self, told: Outcome, rule_name: str, target: str | None, decision: Decision) -> Outcome:
        pull_from = f"{self._login_server}/{target}{decision.suffix}" if target is not None else None
        return structs.replace(told, rule=rule_name, pull_from=pull_from)


def _full(limits: Limits) -> str:
    tried = "wider rules do not fit either" if limits.widen_when_full else "limits.widen_when_full admits wider rules"
    return (
        f"The registry would hold more than {limits.rules_per_registry} cache rules, and none is ever deleted for "
        f"another; {tried}. Remove rules that nobody needs, or raise limits.rules_per_registry up to {MOST_RULES}."
    )


def _in_order(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Each action once, by kind in the order in which they run."""
    return tuple(sorted(dict.fromkeys(actions), key=lambda action: _ORDER.index(type(action))))
