"""When two cache-rule targets are in each other's way, held against the documentation's sentences taken literally."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.arm.targets import Path, has_stray_wildcard, parse_source, parse_target

SEGMENTS = ("a", "b", "ab")
UNIVERSE = tuple("/".join(parts) for depth in (1, 2, 3, 4) for parts in product(SEGMENTS, repeat=depth))
"""Every repository of up to four segments over a small alphabet, one of whose words begins with another."""

repositories = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3).map("/".join)
targets = st.one_of(repositories, repositories.map(lambda path: f"{path}/*"), st.just("*"))


def served(target: str) -> set[str]:
    """The repositories that a target stands for, by looking at each: `x/*` is what begins with `x/`, `*` is all."""
    if not target.endswith("*"):
        return {target} & set(UNIVERSE)
    return {repository for repository in UNIVERSE if repository.startswith(target.removesuffix("*"))}


def path(text: str) -> Path:
    """The target, which is a valid one."""
    parsed = parse_target(text)
    assert parsed is not None
    return parsed


class TestAlgebra:
    """Coverage and overlap, for all small targets."""

    @given(targets)
    def test_target_matches_what_it_stands_for(self, target: str) -> None:
        """A target matches exactly the repositories that it stands for."""
        assert {repository for repository in UNIVERSE if path(target).matches(repository)} == served(target)

    @given(targets, targets)
    def test_overlap_is_what_the_documentation_says(self, one: str, other: str) -> None:
        """Two statics overlap when equal, two wildcards when one holds the other, a static and a wildcard never."""
        wildcards = one.endswith("*"), other.endswith("*")
        if wildcards == (True, True):
            expected = served(one) <= served(other) or served(other) <= served(one)
        elif wildcards == (False, False):
            expected = one == other
        else:
            expected = False

        assert path(one).overlaps(path(other)) is expected

    @given(targets, targets)
    def test_overlap_is_mutual(self, one: str, other: str) -> None:
        """It doesn't matter which rule was first."""
        assert path(one).overlaps(path(other)) == path(other).overlaps(path(one))

    @given(st.lists(targets, max_size=8))
    def test_no_repository_has_two_wildcards(self, wanted: list[str]) -> None:
        """In a registry whose targets don't overlap at most one static and one wildcard rule match a repository."""
        kept: list[Path] = []
        for target in wanted:
            if not any(path(target).overlaps(other) for other in kept):
                kept.append(path(target))
        for repository in UNIVERSE:
            matching = [each.wildcard for each in kept if each.matches(repository)]
            assert matching.count(True) <= 1
            assert matching.count(False) <= 1


class TestGrammar:
    """What is a path at all."""

    @pytest.mark.parametrize(
        "text", ["nginx", "library/nginx", "a.b/c_d/e__f/g--h", "*", "docker.io/*", "docker-hub/library/*"]
    )
    def test_valid_targets(self, text: str) -> None:
        """Names by Docker's conventions, and a wildcard as the last segment."""
        assert parse_target(text) is not None

    @pytest.mark.parametrize(
        "text", ["", "/", "/a", "a/", "a//b", "A/b", "a:1", "a@sha256:0", "a b", "-a", "a.", "a..b", "a___b", "*/", "é"]
    )
    def test_invalid_targets(self, text: str) -> None:
        """Everything else."""
        assert parse_target(text) is None

    @pytest.mark.parametrize("text", ["*/a", "a/*/b", "a*", "a/b*", "**", "a/**", "a/*/*"])
    def test_stray_wildcards(self, text: str) -> None:
        """A wildcard anywhere but alone in the last segment."""
        assert has_stray_wildcard(text)
        assert parse_target(text) is None

    @pytest.mark.parametrize("text", ["quay.io/a", "docker.io/library/nginx", "docker.io/*", "us-docker.pkg.dev/p/r/*"])
    def test_valid_sources(self, text: str) -> None:
        """A host and a path."""
        parsed = parse_source(text)

        assert parsed is not None
        assert parsed[0] == text.partition("/")[0]

    @pytest.mark.parametrize(
        "text", ["", "docker.io", "docker.io/", "*", "/nginx", "quay.io/a:1", "Quay.io/a", "q*.io/a"]
    )
    def test_invalid_sources(self, text: str) -> None:
        """A host alone, a path alone, a tag, upper case."""
        assert parse_source(text) is None
