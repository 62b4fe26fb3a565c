"""What container runtimes can use that know mirrors by host, as containerd does.

Such a runtime asks a mirror for `<prefix>/<whole path>` for every image of the host, and can be told nothing else. So
it needs rules that change nothing but what stands in front, and a prefix below which nothing else is found: a pushed
image at `docker-hub/library/nginx` would be run in place of Docker Hub's.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

import msgspec

from shared.domain.cache_rules import CacheRule
from shared.domain.mirrors import Mirrors
from shared.domain.rule_index import folders

_MOST_NAMED: Final = 3


class HostMirror(msgspec.Struct, frozen=True):
    """One place where a container runtime can look for everything of an upstream.

    Attributes:
        prefix: what stands before an image's path there; empty at the registry's root.
        rules: the rules that fill it.
    """

    prefix: str
    rules: tuple[str, ...]


class UpstreamMirrors(msgspec.Struct, frozen=True):
    """What a container runtime can use for an upstream's host, and what it can't, with the reason."""

    host: str
    mirrors: tuple[HostMirror, ...]
    unusable: tuple[str, ...]


def host_mirrors(mirrors: Mirrors) -> tuple[UpstreamMirrors, ...]:
    """What can be used for each upstream that a rule is passed on for, by host."""
    usable: dict[str, list[HostMirror]] = {each.rule.host: [] for each in mirrors.mirrored}
    unusable: dict[str, list[str]] = {host: [] for host in usable}
    prefixes: dict[str, dict[str, list[str]]] = {}
    for rule in (each.rule for each in mirrors.mirrored):
        prefix = _prefix(rule)
        if prefix is None:
            why = f"{rule.name}: {rule.source} -> {rule.target} changes more than what stands in front"
            unusable[rule.host].append(why)
        else:
            prefixes.setdefault(prefix, {}).setdefault(rule.host, []).append(rule.name)
    places = _Places(mirrors)
    for prefix, rules in sorted(prefixes.items()):
        below = places.below(f"{prefix}/" if prefix else "")
        for host, names in rules.items():
            if strangers := [place for place, owner in below if owner != host]:
                unusable[host].append(
                    f"{prefix or 'the root'} holds what is not {host}'s image of that path: {_named(strangers)}"
                )
            else:
                usable[host].append(HostMirror(prefix, tuple(sorted(names))))
    return tuple(UpstreamMirrors(host, tuple(usable[host]), tuple(unusable[host])) for host in sorted(usable))


def _named(places: Sequence[str]) -> str:
    more = f" and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
    return f"{', '.join(places[:_MOST_NAMED])}{more}"


def _prefix(rule: CacheRule) -> str | None:
    """What the rule puts before the whole path of an image, None when it does something else."""
    path = rule.source.partition("/")[2]
    if rule.is_wildcard:
        path, target = path[:-1], rule.target[:-1]
    else:
        target = rule.target
    front = target.removesuffix(path) if target.endswith(path) else None
    return front.rstrip("/") if front is not None and (not front or front.endswith("/")) else None


class _Places:
    """The repositories at which something is found: those that exist, and what rules serve."""

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors
        self._wildcards = {rule.target[:-1] for rule in mirrors.serving if rule.is_wildcard}
        targets = {rule.target for rule in mirrors.serving if not rule.is_wildcard}
        self._names = sorted({*mirrors.repositories, *targets, *map(_example, self._wildcards)})

    def below(self, folder: str) -> list[tuple[str, str]]:
        """Those below a folder, each with the host whose image of that path it is, empty where it is nobody's."""
        first = bisect_left(self._names, folder)
        end = bisect_right(self._names, folder, key=lambda name: name[: len(folder)])
        names = self._names[first:end]
        if not self._wildcards.isdisjoint(("", *folders(folder))):
            names = sorted({*names, _example(folder)})
        return [(name, self._owner(name, name[len(folder) :])) for name in names]

    def _owner(self, name: str, path: str) -> str:
        served = self._mirrors.served(name) or ""
        return served.removesuffix(f"/{path}") if served.endswith(f"/{path}") else ""


def _example(folder: str) -> str:
    """A repository that stands for all that a wildcard serves below a folder."""
    return f"{folder}example"
