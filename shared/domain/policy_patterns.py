"""Patterns of a policy that can't mean what they say, found before a failure shows that they never matched."""

from shared.domain.images import DOCKER_HUB
from shared.domain.patterns import matches, matches_any

_ANYTHING = "\0"
_MOST_SEGMENTS_ON_DOCKER_HUB = 2


def pattern_errors(host: str, pattern: str) -> str | None:
    """What was expected instead of a pattern that can match nothing on an upstream, None when it is sound."""
    first, slash, rest = pattern.partition("/")
    if slash and first == host:
        return f"the repository without its host: {rest}"
    if host == DOCKER_HUB and not slash and "**" not in pattern:
        return f"two segments, as every name on Docker Hub has: library/{pattern}"
    if "***" in pattern:
        return "* or **"
    return None


def pattern_warnings(host: str, pattern: str, deny: tuple[str, ...]) -> str | None:
    """What is odd about an `allow` pattern: it matches nothing that exists, or nothing that `deny` leaves."""
    if host == DOCKER_HUB and "**" not in pattern and pattern.count("/") >= _MOST_SEGMENTS_ON_DOCKER_HUB:
        return "two segments: names on Docker Hub have no more, so this never matches"
    if all(matches_any(deny, sample) for sample in _samples(pattern)):
        return "something that deny leaves: deny excludes everything that this allows"
    return None


def covers_pattern(pattern: str, other: str) -> bool:
    """Whether a pattern matches whatever another matches; errs on the side of no."""
    return all(matches(pattern, sample) for sample in _samples(other))


def _samples(pattern: str) -> tuple[str, str]:
    """Two names that stand for all that a pattern matches: in place of its stars, a character that only stars match."""
    across = f"{_ANYTHING}/{_ANYTHING}"
    return (
        pattern.replace("**", across).replace("*", _ANYTHING),
        pattern.replace("**", _ANYTHING).replace("*", _ANYTHING),
    )
