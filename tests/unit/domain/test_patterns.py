"""Patterns of `allow` and `deny`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.patterns import matches
from shared.domain.policy_patterns import covers_pattern, pattern_errors, pattern_warnings

patterns = st.lists(st.sampled_from(("a", "b", "*", "**", "/", "-")), min_size=1, max_size=8).map("".join)
names = st.text(alphabet="ab-/", min_size=1, max_size=8)


def _reference(pattern: str, name: str) -> bool:
    """The same by a regular expression, which is easy to read and can take very long."""
    expression = ""
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            expression, at = expression + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            expression, at = expression + ".*", at + 2
        elif pattern[at] == "*":
            expression, at = expression + "[^/]*", at + 1
        else:
            expression, at = expression + re.escape(pattern[at]), at + 1
    return re.fullmatch(expression, name) is not None


class TestMatches:
    """What a pattern matches."""

    @given(patterns, names)
    def test_means_what_a_regular_expression_would(self, pattern: str, name: str) -> None:
        """The walk and the plain definition agree."""
        assert _reference(pattern, name) == matches(pattern, name)

    @pytest.mark.parametrize(
        ("pattern", "name", "expected"),
        [
            ("library/*", "library/nginx", True),
            ("library/*", "library2/nginx", False),
            ("library/*", "library/a/b", False),
            ("library/*", "library", False),
            ("bitnami/**", "bitnami/redis", True),
            ("bitnami/**", "bitnami/a/b", True),
            ("bitnami/**", "bitnami", False),
            ("**", "a/b/c", True),
            ("*/nightly*", "b/nightly-1", True),
            ("*/nightly*", "a/b/nightly", False),
            ("**/nightly", "nightly", True),
            ("**/nightly", "a/b/nightly", True),
            ("**/nightly", "a/xnightly", False),
            ("a/**/b", "a/b", True),
            ("a/**/b", "a/x/y/b", True),
            ("library/nginx", "library/nginx", True),
            ("library/nginx", "library/nginx2", False),
            ("library/ng?nx", "library/nginx", False),
        ],
    )
    def test_stars(self, pattern: str, name: str, expected: bool) -> None:
        """One star stays inside a segment, two go across, everything else is itself."""
        assert expected == matches(pattern, name)

    def test_many_stars_do_not_explode(self) -> None:
        """A name made to be slow is looked at a bounded number of times, or this test would not end."""
        assert not matches("*a*a*a*a*a*a*a*a*a*a*b", "a" * 255)
        assert not matches("**a**a**a**a**a**a**a**b", "a/" * 127)


class TestSense:
    """Patterns that can't mean what they say."""

    @pytest.mark.parametrize(
        ("host", "pattern"),
        [("docker.io", "nginx"), ("docker.io", "nginx*"), ("docker.io", "docker.io/library/*"), ("ghcr.io", "a/***")],
    )
    def test_errors(self, host: str, pattern: str) -> None:
        """A name without its namespace on Docker Hub, the host written again, three stars."""
        assert pattern_errors(host, pattern)

    @pytest.mark.parametrize(
        ("host", "pattern"), [("docker.io", "library/nginx"), ("docker.io", "**"), ("registry.k8s.io", "pause")]
    )
    def test_no_errors(self, host: str, pattern: str) -> None:
        """What matches something."""
        assert pattern_errors(host, pattern) is None

    def test_warns_of_what_deny_leaves_nothing_of(self) -> None:
        """An allow pattern that is denied as a whole; part of it is fine."""
        assert pattern_warnings("docker.io", "library/*", ("library/**",))
        assert pattern_warnings("docker.io", "library/nginx", ("*/nginx",))
        assert pattern_warnings("docker.io", "library/*", ("library/nightly*",)) is None
        assert pattern_warnings("quay.io", "a/**", ("a/*",)) is None

    def test_warns_of_names_that_docker_hub_can_not_have(self) -> None:
        """Names there have two segments."""
        assert pattern_warnings("docker.io", "a/b/*", ())
        assert pattern_warnings("quay.io", "a/b/*", ()) is None

    @given(patterns, patterns, names)
    def test_a_pattern_that_covers_another_matches_what_it_matches(self, one: str, other: str, name: str) -> None:
        """`covers_pattern` never says yes wrongly."""
        if covers_pattern(one, other) and matches(other, name):
            assert matches(one, name)
