"""The patterns of a policy's `allow` and `deny`: `*` inside one path segment, `**` across segments.

Repository names come from logs, which strangers write, so matching must not become slow on any name: no regular
expression with several stars, but a walk that only ever goes back to the last star of each kind, and so takes at most
(length of the pattern) x (length of the name)² steps.
"""

from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=16_384)
def matches(pattern: str, repository: str) -> bool:
    """Whether a pattern matches a whole repository name.

    `*` stands for any characters but `/`, `**` for any characters, and `**/` before a segment also for nothing, so that
    `**/nightly` matches `nightly` as well as `a/b/nightly`.
    """
    p = n = 0
    star: tuple[int, int] | None = None
    across: tuple[int, int, bool] | None = None
    while n < len(repository):
        if pattern.startswith("**", p):
            whole = pattern.startswith("**/", p) and (p == 0 or pattern[p - 1] == "/")
            p += 3 if whole else 2
            star, across = None, (p, n, whole)
        elif pattern.startswith("*", p):
            p += 1
            star = (p, n)
        elif p < len(pattern) and pattern[p] == repository[n]:
            p += 1
            n += 1
        elif star is not None and repository[star[1]] != "/":
            star = (star[0], star[1] + 1)
            p, n = star
        elif across is not None and (start := _further(repository, across)):
            star, across = None, (across[0], start, across[2])
            p, n = across[0], start
        else:
            return False
    while pattern.startswith("**/", p) and (p == 0 or pattern[p - 1] == "/"):
        p += 3
    return not pattern[p:].strip("*")


def _further(repository: str, across: tuple[int, int, bool]) -> int:
    """The next place where what follows a `**` may begin, 0 when there is none."""
    _, start, whole = across
    return repository.find("/", start) + 1 if whole else start + 1


def matches_any(patterns: Iterable[str], repository: str) -> bool:
    """Whether one of the patterns matches."""
    return any(matches(pattern, repository) for pattern in patterns)
