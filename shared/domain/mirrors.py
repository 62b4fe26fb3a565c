"""Mirrors: what a registry's cache rules serve, for whoever sends workloads there without editing each manifest.

A rule is only passed on when a pull through it can work and can only mean what the rule says. A rule that failed, lacks
a working credential set, or whose target another rule serves would break workloads, or give them another image.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from shared.domain.cache_rules import CacheRule, canonical_source, rule_problem, to_source, to_target
from shared.domain.credential_choice import is_working, needs_credentials
from shared.domain.registries import RegistrySnapshot
from shared.domain.rule_index import Below, RuleIndex, patterns_over


class LeftOut(msgspec.Struct, frozen=True):
    """A rule that is not passed on, and why."""

    rule: str
    source: str
    target: str
    why: str


class Mirrored(msgspec.Struct, frozen=True):
    """One rule that is passed on.

    Attributes:
        rule: the cache rule, its source in canonical form.
        except_for: sources below its own that it does not stand for: another rule maps them elsewhere and is more
            specific, or stands at their target and serves something else, or does not work.
    """

    rule: CacheRule
    except_for: tuple[str, ...] = ()


class Mirrors:
    """A registry's rules, sorted into those that are passed on and those that are not.

    Attributes:
        login_server: the registry's host.
        repositories: the names of the repositories that exist.
        serving: every rule that serves something, good or not.
    """

    def __init__(self, snapshot: RegistrySnapshot) -> None:
        self.login_server = snapshot.login_server
        self.repositories = snapshot.repositories
        self.serving = tuple(sorted(rule for rule in snapshot.rules if rule.is_serving))
        self._index = RuleIndex(snapshot)
        self._sets = {one.name.lower(): one for one in snapshot.credential_sets}
        self._all = tuple(sorted(snapshot.rules))
        self._static = Below[CacheRule]()
        for rule in self.serving:
            if not rule.is_wildcard:
                self._static.add(rule.target, rule)
        self._problems = {rule: self._problem(rule) for rule in self._all}

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The rules that are not passed on, by name."""
        problems = self._problems.items()
        return tuple(LeftOut(rule.name, rule.source, rule.target, why) for rule, why in problems if why)

    @cached_property
    def mirrored(self) -> tuple[Mirrored, ...]:
        """The rules that are passed on, the most specific first; no two of them send an image to different places."""
        good = [
            msgspec.structs.replace(rule, source=canonical_source(rule.source))
            for rule in self._all
            if not self._problems[rule]
        ]
        ordered = sorted(good, key=lambda rule: (rule.is_wildcard, -len(rule.source), rule.name))
        more_specific = Below[CacheRule]()
        found = []
        for rule in ordered:
            others = more_specific.at(rule.source[:-1]) if rule.is_wildcard else ()
            found.append(
                Mirrored(rule, tuple(dict.fromkeys((*self._stood_over(rule), *_mapped_elsewhere(rule, others)))))
            )
            more_specific.add(rule.source, rule)
        return tuple(found)

    def pull_from(self, source: str) -> str | None:
        """Where an upstream repository is pulled from, host and all; None when no rule that is passed on maps it."""
        patterns = patterns_over(source)
        for rule, except_for in (found for pattern in patterns for found in self._by_source.get(pattern, ())):
            target = to_target(rule, source) if except_for.isdisjoint(patterns) else None
            if target is not None:
                return f"{self.login_server}/{target}"
        return None

    @cached_property
    def _by_source(self) -> Mapping[str, list[tuple[CacheRule, frozenset[str]]]]:
        found: dict[str, list[tuple[CacheRule, frozenset[str]]]] = {}
        for each in self.mirrored:
            found.setdefault(each.rule.source, []).append((each.rule, frozenset(each.except_for)))
        return found

    def served(self, target: str) -> str | None:
        """The upstream repository that a pull of a repository of the registry gets, None when it gets no rule's."""
        rule = self._index.serving(target)
        return None if rule is None else to_source(rule, target)

    def _problem(self, rule: CacheRule) -> str:
        if not rule.is_serving:
            return f"its state is {rule.provisioning_state}"
        if problem := rule_problem(msgspec.structs.replace(rule, source=canonical_source(rule.source))):
            return problem
        found = self._sets.get((rule.credential_set or "").lower())
        if rule.credential_set is None and needs_credentials(rule.host):
            return f"it has no credential set, and {rule.host} is not served without one"
        if rule.credential_set is not None and (found is None or not is_working(found)):
            return f"its credential set {rule.credential_set} does not work"
        return self._shadow(rule)

    def _shadow(self, rule: CacheRule) -> str:
        if rule.is_wildcard:
            other = self._index.overlapping(rule)
            return "" if other is None else f"the rule {other.name} overlaps it"
        at = self._index.serving(rule.target)
        return "" if at == rule or at is None else f"the rule {at.name} serves its target"

    def _stood_over(self, rule: CacheRule) -> Iterator[str]:
        """The repositories that the wildcard maps to a target where another rule serves something else."""
        for other in self._static.at(rule.target[:-1]) if rule.is_wildcard else ():
            source = to_source(rule, other.target)
            if source is not None and (source != canonical_source(other.source) or self._problems[other]):
                yield source


def _mapped_elsewhere(rule: CacheRule, below: Iterable[CacheRule]) -> Iterator[str]:
    """Sources that a wildcard maps too, and a more specific rule to another place."""
    for other in below:
        source, target = (
            (f"{other.source[:-1]}x", f"{other.target[:-1]}x") if other.is_wildcard else (other.source, other.target)
        )
        if to_target(rule, source) not in {None, target}:
            yield other.source
