"""The grammar of a rule's source and target, and when two targets are in each other's way.

The trap it avoids: ACR checks overlap on the target side only, and treats static and wildcard rules apart. Written
here on its own and not with the product's algebra, so that the one can be held against the other.
"""

import re
from typing import Final

import msgspec

_SEGMENT: Final = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_PATH: Final = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_HOST: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")


class Path(msgspec.Struct, frozen=True):
    """A repository path, or all paths below `prefix` when it ends in `*`; the prefix of a bare `*` is empty."""

    prefix: str
    wildcard: bool

    def matches(self, repository: str) -> bool:
        """Whether a repository is this one, or lies below the prefix at any depth."""
        if not self.wildcard:
            return repository == self.prefix
        return not self.prefix or repository.startswith(self.prefix + "/")

    def overlaps(self, other: "Path") -> bool:
        """Whether two targets may not be in one registry: equal, or both wildcards with one below the other."""
        if self.wildcard != other.wildcard:
            return False
        if not self.wildcard:
            return self.prefix == other.prefix
        return self.prefix == other.prefix or self.matches(other.prefix) or other.matches(self.prefix)


def parse_target(text: str) -> Path | None:
    """The target path; None when its name isn't valid (wildcards elsewhere than at the end are not)."""
    if text == "*":
        return Path("", wildcard=True)
    stem = text.removesuffix("/*")
    return Path(stem, wildcard=stem != text) if _PATH.fullmatch(stem) else None


def parse_source(text: str) -> tuple[str, Path] | None:
    """The upstream's host and the path on it; None when either isn't valid."""
    host, _, rest = text.partition("/")
    path = parse_target(rest)
    return (host, path) if path is not None and _HOST.fullmatch(host) else None


def has_stray_wildcard(text: str) -> bool:
    """Whether a `*` stands elsewhere than as the last segment."""
    return "*" in text.removesuffix("/*") and text != "*"
