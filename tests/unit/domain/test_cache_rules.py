"""The algebra of cache rules, as laws and as the corners that have bitten people."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.acr.algebra import upstream_of
from shared.domain.cache_rules import (
    CacheRule,
    canonical_source,
    covers,
    is_rule_name,
    overlaps,
    rule_name,
    rule_problem,
    serving_rule,
    source_problem,
    target_problem,
    to_source,
    to_target,
)
from shared.domain.images import parse_reference
from shared.domain.rule_index import RuleIndex
from tests.planning import cache_rules, paths, rule_sets, snapshot, sources

anything = st.text(alphabet="ab/*.:@-A ", max_size=12)
any_rule = st.builds(CacheRule, st.just("rule-1"), anything, anything)


def rule(source: str, target: str, name: str = "rule-1", state: str = "Succeeded") -> CacheRule:
    """A rule of which only the mapping matters."""
    return CacheRule(name, source, target, None, state)


class TestMapping:
    """Prefix substitution, and nothing else."""

    @given(cache_rules(), sources)
    def test_mapping_then_unmapping_is_identity(self, one: CacheRule, source: str) -> None:
        """What a rule maps to its target, it maps back to the same source."""
        target = to_target(one, source)

        assert target is None or to_source(one, target) == source

    @given(cache_rules(), paths)
    def test_unmapping_then_mapping_is_identity(self, one: CacheRule, target: str) -> None:
        """What a rule serves at a target, it serves there."""
        source = to_source(one, target)

        assert source is None or to_target(one, source) == target

    @given(cache_rules(), sources)
    def test_a_covered_reference_lies_below_the_target(self, one: CacheRule, source: str) -> None:
        """A wildcard maps below its prefix, a static rule to its target."""
        target = to_target(one, source)

        assert target is None or target == one.target or (one.is_wildcard and target.startswith(one.target[:-1]))

    @given(any_rule, anything)
    def test_is_total(self, one: CacheRule, text: str) -> None:
        """No rule and no text, however odd, raises; an odd rule serves nothing that has a star in it."""
        mapped = to_target(one, text), to_source(one, text)

        assert all(one_side is None or isinstance(one_side, str) for one_side in mapped)

    @pytest.mark.parametrize(
        ("source", "target", "image", "expected"),
        [
            ("docker.io/library/nginx", "hub/nginx", "docker.io/library/nginx", "hub/nginx"),
            ("docker.io/library/*", "hub/library/*", "docker.io/library/nginx", "hub/library/nginx"),
            ("docker.io/library/*", "hub/library/*", "docker.io/library2/nginx", None),
            ("docker.io/library/*", "hub/library/*", "docker.io/library", None),
            ("docker.io/*", "hub/*", "docker.io/library/nginx", "hub/library/nginx"),
            ("mcr.microsoft.com/*", "*", "mcr.microsoft.com/dotnet/sdk", "dotnet/sdk"),
            ("docker.io/a/b", "hub/a/b", "docker.io/a/b/c", None),
            ("docker.io/a/*", "hub/*", "docker.io/a/b/c", "hub/b/c"),
            ("ghcr.io/a/b", "hub/a/b", "docker.io/a/b", None),
            ("docker.io/foo*", "hub/foo*", "docker.io/foobar", None),
            ("docker.io/*/foo", "hub/*/foo", "docker.io/a/foo", None),
            ("docker.io/a/*", "hub/a", "docker.io/a/b", None),
            ("docker.io/a/b", "hub/*", "docker.io/a/b", None),
            ("*", "*", "docker.io/a/b", None),
            ("Docker.IO/library/nginx", "hub/nginx", "docker.io/library/nginx", "hub/nginx"),
            ("docker.io/library/Nginx", "hub/nginx", "docker.io/library/nginx", None),
        ],
    )
    def test_maps(self, source: str, target: str, image: str, expected: str | None) -> None:
        """Segments are whole, a star stands for at least one of them, case matters save in the host."""
        assert expected == to_target(rule(source, target), image)


class TestLibrary:
    """Docker Hub's official images, with and without `library/`."""

    def test_a_static_source_without_library_is_the_official_image(self) -> None:
        """ACR writes `library/` out where a static source lacks it."""
        assert covers(rule("docker.io/nginx", "hub/nginx"), parse_reference("nginx:1.27"))
        assert to_source(rule("docker.io/nginx", "hub/nginx"), "hub/nginx") == "docker.io/library/nginx"

    def test_a_reference_without_library_is_the_official_image(self) -> None:
        """However the image is written, its reference has `library/`."""
        official = rule("docker.io/library/nginx", "hub/nginx")

        assert all(covers(official, parse_reference(text)) for text in ("nginx", "library/nginx", "docker.io/nginx"))

    def test_a_wildcard_adds_nothing(self) -> None:
        """Below `docker.io/*`, only the path with `library/` finds the official image."""
        assert to_source(rule("docker.io/*", "hub/*"), "hub/nginx") == "docker.io/nginx"
        assert to_target(rule("docker.io/library/*", "hub/*"), "docker.io/pulumi/pulumi") is None

    def test_other_upstreams_have_no_library(self) -> None:
        """A single segment elsewhere stays what it is."""
        assert canonical_source("registry.k8s.io/pause") == "registry.k8s.io/pause"


class TestOverlap:
    """What ACR refuses in one registry."""

    @given(cache_rules(), cache_rules())
    def test_is_symmetric(self, one: CacheRule, other: CacheRule) -> None:
        """Which of two rules came first does not matter."""
        assert overlaps(one, other) == overlaps(other, one)

    @given(any_rule, any_rule)
    def test_is_total_and_symmetric_for_odd_rules(self, one: CacheRule, other: CacheRule) -> None:
        """The same for rules that ACR would refuse in themselves."""
        assert overlaps(one, other) == overlaps(other, one)

    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [
            ("*", "library/*", True),
            ("library/*", "library/dotnet/*", True),
            ("library/*", "library/*", True),
            ("library/*", "library2/*", False),
            ("docker-hub/*", "ghcr/*", False),
            ("library/dotnet", "*", False),
            ("library/dotnet", "library/*", False),
            ("library/dotnet", "library/dotnet", True),
            ("library/dotnet", "library/dotnet/sdk", False),
        ],
    )
    def test_compares_targets(self, one: str, other: str, expected: bool) -> None:
        """Only the targets count, whatever the sources."""
        star, other_star = ("*" if "*" in target else "x" for target in (one, other))

        assert expected == overlaps(rule(f"docker.io/a/{star}", one), rule(f"ghcr.io/b/{other_star}", other))

    @given(st.lists(cache_rules() | any_rule, max_size=8, unique_by=lambda each: each.name))
    def test_the_index_finds_the_first_by_name(self, rules: list[CacheRule]) -> None:
        """The fast look-up and the definition agree, for each wildcard among the others that serve."""
        index = RuleIndex(snapshot(*rules))
        for one in (each for each in rules if each.is_wildcard):
            others = (other for other in rules if other.is_wildcard and other.is_serving and other != one)

            assert index.overlapping(one) == min((other for other in others if overlaps(one, other)), default=None)


class TestServing:
    """Which rule a pull goes through."""

    def test_static_beats_wildcard(self) -> None:
        """A static rule stands over the wildcard that it lies below."""
        wildcard = rule("docker.io/*", "hub/*", "wild-1")
        static = rule("quay.io/a/b", "hub/library/nginx", "static-1")

        assert serving_rule([wildcard, static], "hub/library/nginx") == static
        assert serving_rule([wildcard, static], "hub/library/redis") == wildcard

    def test_a_failed_rule_serves_nothing(self) -> None:
        """What ACR could not make, or is removing, does not count."""
        for state in ("Failed", "Canceled", "Deleting"):
            assert serving_rule([rule("docker.io/*", "hub/*", state=state)], "hub/a/b") is None

    @given(rule_sets, paths)
    def test_the_index_gives_the_same_answers(self, rules: tuple[CacheRule, ...], target: str) -> None:
        """The fast look-up and the definition agree."""
        assert serving_rule(rules, target) == RuleIndex(snapshot(*rules)).serving(target)

    @given(rule_sets, sources)
    def test_the_index_finds_every_rule_that_covers(self, rules: tuple[CacheRule, ...], source: str) -> None:
        """It covers what it serves: a rule whose target is another rule's does not count."""
        expected = {
            one.name
            for one in rules
            if (target := to_target(one, source)) is not None and serving_rule(rules, target) == one
        }

        assert expected == {one.name for one in RuleIndex(snapshot(*rules)).covering(source)}

    @given(rule_sets, paths)
    def test_the_emulated_registry_agrees(self, rules: tuple[CacheRule, ...], target: str) -> None:
        """The emulator, written apart from this, pulls the same upstream repository through the same rule."""
        served = [one for one in rules if one.is_serving and canonical_source(one.source) == one.source]
        ours = serving_rule(served, target)
        theirs = upstream_of(served, target)

        assert (ours and (ours.name, to_source(ours, target))) == (theirs and (theirs.rule.name, theirs.source))


class TestNames:
    """Names of rules."""

    @given(st.text(max_size=80), st.text(max_size=80), st.integers(0, 5))
    def test_are_names_that_acr_and_azurerm_accept(self, source: str, target: str, attempt: int) -> None:
        """Whatever is mapped, the name has 5 to 49 letters and digits with single hyphens between them."""
        name = rule_name(source, target, attempt=attempt)

        assert re.fullmatch(r"[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*", name)
        assert 5 <= len(name) <= 49
        assert is_rule_name(name)

    def test_are_the_same_for_the_same_mapping_and_differ_otherwise(self) -> None:
        """What reads the same still has its own name, and so has each further attempt."""
        mappings = [("docker.io/a/b-c", "h/a/b-c"), ("docker.io/a-b/c", "h/a-b/c"), ("docker.io/a/b-c", "g/a/b-c")]
        names = [rule_name(*mapping, attempt=attempt) for mapping in mappings for attempt in range(3)]

        assert len(set(names)) == len(names)
        assert names == [rule_name(*mapping, attempt=attempt) for mapping in mappings for attempt in range(3)]

    def test_can_be_read(self) -> None:
        """People recognise the source."""
        assert rule_name("docker.io/library/nginx", "docker-hub/library/nginx").startswith("docker-io-library-nginx-")
        assert rule_name("docker.io/library/*", "docker-hub/library/*").startswith("docker-io-library-all-")

    @pytest.mark.parametrize("name", ["abcd", "a" * 50, "-abcd", "abcd-", "ab--cd", "ab_cd", "ab.cde", ""])
    def test_refuses_other_names(self, name: str) -> None:
        """Too short, too long, or not of the form."""
        assert not is_rule_name(name)


class TestForm:
    """What is wrong with a source, a target, a rule."""

    @pytest.mark.parametrize(
        "source", ["docker.io/library/nginx", "docker.io/*", "docker.io/library/*", "europe-docker.pkg.dev/p/r/i__x"]
    )
    def test_accepts_sources(self, source: str) -> None:
        """A host and a path, a star as the whole last segment."""
        assert source_problem(source) is None

    @pytest.mark.parametrize(
        "source",
        [
            "nginx",
            "docker.io",
            "docker.io/",
            "docker.io/nginx:1.27",
            "docker.io/nginx@sha256:abc",
            "docker.io/Nginx",
            "docker.io/foo*",
            "docker.io/*/foo",
            "docker.io/a/*/*",
            "docker.io//a",
            "https://docker.io/a",
            "localhost:5000/a",
            "docker.io/" + "a" * 300,
        ],
    )
    def test_refuses_sources(self, source: str) -> None:
        """Anything else, with a sentence that says what is expected."""
        assert source_problem(source)

    @pytest.mark.parametrize("target", ["*", "hub/*", "hub/library/nginx", "a.b-c__d"])
    def test_accepts_targets(self, target: str) -> None:
        """A path, or a star alone."""
        assert target_problem(target) is None

    @pytest.mark.parametrize("target", ["", "/hub", "hub/", "hub//a", "hub*", "Hub/a", "hub/a:1", "hub/*/a", "**"])
    def test_refuses_targets(self, target: str) -> None:
        """Anything else."""
        assert target_problem(target)

    def test_a_star_stands_on_both_sides_or_on_neither(self) -> None:
        """A rule with one star maps nothing."""
        assert rule_problem(rule("docker.io/*", "hub/a"))
        assert rule_problem(rule("docker.io/a/b", "hub/*"))
        assert rule_problem(rule("docker.io/*", "hub/*")) is None
        assert rule_problem(rule("docker.io/a/b", "hub/b", name="ab"))
