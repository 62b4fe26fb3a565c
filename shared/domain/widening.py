"""How much one rule covers, and wider rules when narrow ones no longer fit the registry's limit."""

from collections.abc import Callable, Sequence

import msgspec

from shared.domain.cache_rules import CacheRule, rule_name
from shared.domain.images import DOCKER_HUB
from shared.domain.policy import Granularity, UpstreamPolicy
from shared.domain.policy_patterns import covers_pattern


class Mapping(msgspec.Struct, frozen=True):
    """What a rule that is wanted would map, before it has a name and a credential set.

    Attributes:
        host: the upstream.
        path: the path at the upstream, without its host; `*` or `…/*` for a wildcard.
        prefix: the policy's target for the upstream.
    """

    host: str
    path: str
    prefix: str

    @property
    def source(self) -> str:
        """The rule's source."""
        return f"{self.host}/{self.path}"

    @property
    def target(self) -> str:
        """The rule's target."""
        return f"{self.prefix}/{self.path}"

    def as_rule(self, name: str | None = None, credential_set: str | None = None) -> CacheRule:
        """The rule, with its deterministic name unless another is given."""
        return CacheRule(name or rule_name(self.source, self.target), self.source, self.target, credential_set)


type Wider = Callable[[Mapping, Granularity], Mapping | None]
"""The mapping of a granularity that also covers a mapping, None when policy or registry do not admit it."""


def mapping_of(host: str, repository: str, prefix: str, granularity: Granularity) -> Mapping:
    """The mapping of a granularity for a repository; a repository without a namespace is covered by itself."""
    namespace, slash, _ = repository.partition("/")
    match granularity:
        case Granularity.REGISTRY:
            path = "*"
        case Granularity.NAMESPACE if slash and namespace != "*":
            path = f"{namespace}/*"
        case _:
            path = repository
    return Mapping(host, path, prefix)


def is_within_allow(wide: Mapping, upstream: UpstreamPolicy) -> bool:
    """Whether `allow` covers everything that a wide mapping would serve.

    Asked only when the quota, and not the policy, calls for the wider rule: what a stranger can make fail must not
    decide that more is served. `deny` has no say here: it decides what is planned for, and no rule of ACR can hold it.
    """
    everything = "*/*" if wide.host == DOCKER_HUB else "**"
    inside = everything if wide.path == "*" else f"{wide.path[:-1]}{'*' if wide.host == DOCKER_HUB else '**'}"
    return any(covers_pattern(pattern, inside) for pattern in upstream.allow)


def fit(wanted: Sequence[Mapping], free: int, wider: Wider | None) -> dict[Mapping, Mapping | None]:
    """What each wanted mapping is covered by when only `free` rules can be added; None for what does not fit.

    Without `wider` the first come first. With it, mappings are gathered into namespaces and then whole upstreams, those
    first that save most, and no more of them than are needed.
    """
    placed = {mapping: mapping for mapping in wanted}
    if wider is not None:
        _widen(placed, free, wider)
    kept = dict.fromkeys(placed[mapping] for mapping in wanted)
    fitting = set(list(kept)[: max(free, 0)])
    return {mapping: place if place in fitting else None for mapping, place in placed.items()}


def _widen(placed: dict[Mapping, Mapping], free: int, wider: Wider) -> None:
    count = len(placed)
    applied: list[tuple[Mapping, dict[Mapping, Mapping]]] = []
    for granularity in (Granularity.NAMESPACE, Granularity.REGISTRY):
        for wide, before in _groups(placed, granularity, wider):
            saving = len(set(before.values())) - 1
            if count <= free or saving < 1:
                break
            placed.update(dict.fromkeys(before, wide))
            applied.append((wide, before))
            count -= saving
    for wide, before in applied:
        back = len(set(before.values())) - 1
        if count + back <= free and all(placed[mapping] == wide for mapping in before):
            placed.update(before)
            count += back


def _groups(
    placed: dict[Mapping, Mapping], granularity: Granularity, wider: Wider
) -> list[tuple[Mapping, dict[Mapping, Mapping]]]:
    """What each wider mapping would replace, the greatest saving first."""
    groups: dict[Mapping, dict[Mapping, Mapping]] = {}
    for mapping, place in placed.items():
        wide = wider(mapping, granularity)
        if wide is not None and wide != place:
            groups.setdefault(wide, {})[mapping] = place
    return sorted(groups.items(), key=lambda group: (-len(set(group[1].values())), group[0].source))
