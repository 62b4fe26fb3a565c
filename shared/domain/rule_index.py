"""A registry's rules and repositories, arranged so that one image is looked up in the time of its path's length.

The answers are those of `cache_rules`; a plan of thousands of images against a thousand rules only needs them faster.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from shared.domain.cache_rules import CacheRule, canonical_source, to_target
from shared.domain.registries import RegistrySnapshot


class Below[T]:
    """What lies below each folder, in the order in which it was added."""

    def __init__(self) -> None:
        self._items: dict[str, list[T]] = {}

    def add(self, path: str, item: T) -> None:
        """Add what stands at a path."""
        for folder in ("", *folders(path)):
            self._items.setdefault(folder, []).append(item)

    def at(self, folder: str) -> Sequence[T]:
        """What lies below a folder, which ends in a slash or is empty."""
        return self._items.get(folder, ())


class RuleIndex:
    """Looks up what serves, covers and stands in the way."""

    def __init__(self, snapshot: RegistrySnapshot) -> None:
        self.count = len(snapshot.rules)
        self._by_name = {rule.name.lower(): rule for rule in snapshot.rules}
        self._repositories = snapshot.repositories
        self._folders = {folder for repository in snapshot.repositories for folder in folders(repository)}
        self._static_targets: dict[str, CacheRule] = {}
        self._wildcard_targets: dict[str, CacheRule] = {}
        self._wildcards_below = Below[CacheRule]()
        self._sources: dict[str, list[CacheRule]] = {}
        self._failed: dict[tuple[str, str], CacheRule] = {}
        for rule in sorted(snapshot.rules, key=lambda rule: (not rule.is_serving, rule.name)):
            self._add(rule)

    def _add(self, rule: CacheRule) -> None:
        if rule.is_wildcard:
            self._wildcard_targets.setdefault(rule.target[:-1], rule)
            self._wildcards_below.add(rule.target, rule)
        else:
            self._static_targets.setdefault(rule.target, rule)
        self._sources.setdefault(canonical_source(rule.source), []).append(rule)
        if not rule.is_serving:
            self._failed.setdefault((canonical_source(rule.source), rule.target), rule)

    def named(self, name: str) -> CacheRule | None:
        """The rule of a name; ARM compares names without regard to case."""
        return self._by_name.get(name.lower())

    def serving(self, target: str) -> CacheRule | None:
        """The rule that serves a repository of the registry."""
        static = self._static_targets.get(target)
        if static is not None and static.is_serving and to_target(static, canonical_source(static.source)) is not None:
            return static
        wildcards = (self._wildcard_targets.get(folder) for folder in _longest_first(target))
        return next((rule for rule in wildcards if rule is not None and rule.is_serving), None)

    def covering(self, source: str) -> list[CacheRule]:
        """The rules that serve an upstream repository, whatever their targets: none of them shadowed by another."""
        keys = (source, *(f"{folder}*" for folder in folders(source)))
        candidates = (rule for key in keys for rule in self._sources.get(key, ()))
        return [rule for rule in candidates if self._serves(rule, source)]

    def _serves(self, rule: CacheRule, source: str) -> bool:
        target = to_target(rule, source)
        return target is not None and self.serving(target) is rule

    def failed(self, source: str, target: str) -> CacheRule | None:
        """A rule of exactly this mapping whose creation failed."""
        rule = self._failed.get((source, target))
        return rule if rule is not None and rule.provisioning_state.lower() in {"failed", "canceled"} else None

    def static_at(self, target: str) -> CacheRule | None:
        """The static rule at a target, whatever its state."""
        return self._static_targets.get(target)

    def wildcards_over(self, target: str) -> Iterator[CacheRule]:
        """The wildcards that a target lies below, the nearest first."""
        return (self._wildcard_targets[f] for f in _longest_first(target) if f in self._wildcard_targets)

    def wildcard_nested_with(self, target: str) -> CacheRule | None:
        """A wildcard that a wildcard target (`docker-hub/*`) must not stand beside."""
        return next(iter(self._wildcards_below.at(target[:-1])), None) or next(self.wildcards_over(target), None)

    def overlapping(self, wildcard: CacheRule) -> CacheRule | None:
        """The first by name of the serving wildcards that one of the registry's `overlaps`, None where none does."""
        below = (rule for rule in self._wildcards_below.at(wildcard.target[:-1]) if rule != wildcard)
        over = (rule for rule in self.wildcards_over(wildcard.target) if rule != wildcard)
        return min((rule for rule in (*islice(below, 1), *over) if rule.is_serving), default=None)

    def has_repository(self, target: str) -> bool:
        """Whether a repository exists at a target, or below a wildcard target."""
        return target[:-1] in self._folders if target.endswith("/*") else target in self._repositories

    def is_free(self, prefix: str) -> bool:
        """Whether nothing exists at a prefix or below it."""
        folder = f"{prefix}/"
        return (
            prefix not in self._repositories
            and folder not in self._folders
            and not self._wildcards_below.at(folder)
            and not any(f"{target}/".startswith(folder) for target in self._static_targets)
        )


def free_prefix(index: RuleIndex, target: str, others: Iterable[str]) -> str | None:
    """A prefix like `target` at which nothing exists and that no other upstream uses, None when none is near."""
    taken = set(others)
    candidates = (f"{target}-cache", *(f"{target}-{number}" for number in range(2, 50)))
    return next((one for one in candidates if one not in taken and index.is_free(one)), None)


def folders(path: str) -> Iterator[str]:
    """`docker.io/library/nginx` → `docker.io/`, `docker.io/library/`."""
    at = path.find("/")
    while at >= 0:
        yield path[: at + 1]
        at = path.find("/", at + 1)


def patterns_over(source: str) -> tuple[str, ...]:
    """The sources of the rules that can cover an upstream repository, the most specific first."""
    return (source, *(f"{folder}*" for folder in _longest_first(source) if folder))


def _longest_first(path: str) -> tuple[str, ...]:
    return (*reversed(tuple(folders(path))), "")
