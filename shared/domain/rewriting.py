"""References as people write them in manifests, and regular expressions that send them through the cache.

`nginx`, `library/nginx`, `docker.io/nginx` and `index.docker.io/library/nginx:1.27` are one repository, while
`localhost/nginx` and `my.host/nginx` are somebody else's. The expressions keep to what Go's RE2 and Python's `re` read
alike, and use neither backslashes nor braces, which Kyverno's variables and JMESPath's quotes would read as their own.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from shared.domain.cache_rules import CacheRule
from shared.domain.images import DOCKER_HUB, DOCKER_HUB_ALIASES
from shared.domain.mirrors import Mirrors

_SEPARATOR: Final = "(?:[.]|__|_|-+)"
_COMPONENT: Final = f"[a-z0-9]+(?:{_SEPARATOR}[a-z0-9]+)*"
_NO_HOST: Final = "[a-z0-9]+(?:(?:__|_|-+)[a-z0-9]+)*"
"""A first component that is no host: one with a dot is."""

_REST: Final = f"{_COMPONENT}(?:/{_COMPONENT})*"
_SUFFIX: Final = "((?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?:@[a-z0-9]+:[A-Fa-f0-9]+)?)"
_LOCALHOST: Final = "^localhost/"
_LIBRARY: Final = "library/"


class Rewrite(msgspec.Struct, frozen=True):
    """One replacement.

    Attributes:
        rule: the cache rule that it follows.
        pattern: matches a whole reference.
        replacement: what stands for it, with `${1}`, `${2}` for the pattern's groups.
        unless: patterns of references that are left alone all the same.
    """

    rule: str
    pattern: str
    replacement: str
    unless: tuple[str, ...] = ()

    def applied(self, reference: str) -> str | None:
        """The reference after it, None when it does not concern it."""
        found = re.search(self.pattern, reference)
        if found is None or any(re.search(pattern, reference) for pattern in self.unless):
            return None
        return re.sub(r"\$\{(\d)\}", lambda group: found[int(group[1])] or "", self.replacement)


def rewrites(mirrors: Mirrors) -> tuple[Rewrite, ...]:
    """What sends references through the cache; where several match, all of them say the same."""
    return tuple(
        Rewrite(
            each.rule.name, pattern, f"{mirrors.login_server}/{replacement}", (*unless, *_excepted(each.except_for))
        )
        for each in mirrors.mirrored
        for pattern, replacement, *unless in _of_rule(each.rule)
    )


def _excepted(sources: Sequence[str]) -> Iterator[str]:
    for source in sources:
        patterns = _wildcard(source[:-1], "") if source.endswith("/*") else _static(source, "")
        yield from (pattern for pattern, *_ in patterns)


def _of_rule(rule: CacheRule) -> Iterator[tuple[str, ...]]:
    """Pattern, replacement and what is excepted, for each way to write what the rule serves."""
    if rule.is_wildcard:
        return _wildcard(rule.source[:-1], rule.target[:-1])
    return _static(rule.source, rule.target)


def _static(source: str, target: str) -> Iterator[tuple[str, ...]]:
    host, _, path = source.partition("/")
    if host != DOCKER_HUB:
        yield f"^{_host(host)}{_literal(path)}{_SUFFIX}$", f"{target}${{1}}"
        return
    name = path.removeprefix(_LIBRARY)
    if path.startswith(_LIBRARY) and "/" not in name:
        yield f"^{_hub(path)}(?:{_LIBRARY})?{_literal(name)}{_SUFFIX}$", f"{target}${{1}}"
    else:
        yield f"^{_hub(path)}{_literal(path)}{_SUFFIX}$", f"{target}${{1}}"


def _wildcard(source: str, target: str) -> Iterator[tuple[str, ...]]:
    host, _, folder = source.partition("/")
    if host != DOCKER_HUB:
        yield f"^{_host(host)}{_literal(folder)}({_REST}){_SUFFIX}$", f"{target}${{1}}${{2}}"
        return
    if folder == "":
        yield f"^{_hub('')}({_COMPONENT}){_SUFFIX}$", f"{target}{_LIBRARY}${{1}}${{2}}"
        yield f"^{_host(host)}({_COMPONENT}/{_REST}){_SUFFIX}$", f"{target}${{1}}${{2}}"
        yield f"^({_NO_HOST}/{_REST}){_SUFFIX}$", f"{target}${{1}}${{2}}", _LOCALHOST
        return
    if folder == _LIBRARY:
        yield f"^{_hub('')}({_COMPONENT}){_SUFFIX}$", f"{target}${{1}}${{2}}"
    yield f"^{_hub(folder)}{_literal(folder)}({_REST}){_SUFFIX}$", f"{target}${{1}}${{2}}"


def _host(host: str) -> str:
    """The host, which is there, in any case; Docker Hub's under each of its names."""
    names = sorted(DOCKER_HUB_ALIASES) if host == DOCKER_HUB else [host]
    port = "(?::443)?" if host == DOCKER_HUB else ""
    return f"(?i:{'|'.join(_literal(name) for name in names)}){port}/"


def _hub(path: str) -> str:
    """Docker Hub's host, which may be left out unless the path's first component would then be taken for a host."""
    first, slash, _ = path.partition("/")
    is_host = bool(slash) and ("." in first or first == "localhost")
    return _host(DOCKER_HUB) if is_host else f"(?:{_host(DOCKER_HUB)})?"


def _literal(text: str) -> str:
    """The text as a pattern; paths and hosts hold nothing special but dots."""
    return text.replace(".", "[.]")
