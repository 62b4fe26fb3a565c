"""What container runtimes can use that know mirrors by host, as containerd does.

Such a runtime asks a mirror for `<prefix>/<whole path>` for every image of the host, and can be told nothing else. So
it needs rules that change nothing but what stands in front, and a prefix below which nothing else is found: a pushed
image at `docker-hub/library/nginx` would be run in place of Docker Hub's.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.domain.cache_rules import CacheRule
from shared.domain.mirrors import Mirrors

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
    hosts = sorted({each.rule.host for each in mirrors.mirrored})
    return tuple(_of_host(mirrors, host) for host in hosts)


def _of_host(mirrors: Mirrors, host: str) -> UpstreamMirrors:
    prefixes: dict[str, list[str]] = {}
    unusable = []
    for rule in (each.rule for each in mirrors.mirrored if each.rule.host == host):
        prefix = _prefix(rule)
        if prefix is None:
            unusable.append(f"{rule.name}: {rule.source} -> {rule.target} changes more than what stands in front")
        else:
            prefixes.setdefault(prefix, []).append(rule.name)
    usable = []
    for prefix, names in sorted(prefixes.items()):
        if found := list(_strangers(mirrors, host, prefix)):
            more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            names_of = ", ".join(found[:_MOST_NAMED])
            unusable.append(f"{prefix or 'the root'} holds what is not {host}'s image of that path: {names_of}{more}")
        else:
            usable.append(HostMirror(prefix, tuple(sorted(names))))
    return UpstreamMirrors(host, tuple(usable), tuple(unusable))


def _prefix(rule: CacheRule) -> str | None:
    """What the rule puts before the whole path of an image, None when it does something else."""
    path = rule.source.partition("/")[2]
    if rule.is_wildcard:
        path, target = path[:-1], rule.target[:-1]
    else:
        target = rule.target
    front = target.removesuffix(path) if target.endswith(path) else None
    return front.rstrip("/") if front is not None and (not front or front.endswith("/")) else None


def _strangers(mirrors: Mirrors, host: str, prefix: str) -> Iterator[str]:
    """Targets and repositories below a prefix at which something else is found than the host's image of that path."""
    folder = f"{prefix}/" if prefix else ""
    places = {*_targets(mirrors, folder), *(each for each in mirrors.repositories if each.startswith(folder))}
    return (place for place in sorted(places) if mirrors.served(place) != f"{host}/{place[len(folder) :]}")


def _targets(mirrors: Mirrors, folder: str) -> Iterator[str]:
    """One target below the folder of each rule that has some."""
    for rule in mirrors.serving:
        if not rule.is_wildcard:
            if rule.target.startswith(folder):
                yield rule.target
            continue
        own = rule.target[:-1]
        if own.startswith(folder) or folder.startswith(own):
            yield f"{max(own, folder, key=len)}example"
