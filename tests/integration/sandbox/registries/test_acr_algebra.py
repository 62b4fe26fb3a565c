"""Which cache rule serves a repository, held against a plain statement of the algebra."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from sandbox.acr.algebra import upstream_of
from tests.integration.sandbox.registries.acr_support import WrittenRule

SEGMENTS = st.sampled_from(["a", "b", "ab"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)


@st.composite
def rule_sets(draw: st.DrawFn) -> list[WrittenRule]:
    """Rules whose targets a registry would take: no two static ones equal, no wildcard equal to or below another."""
    rules: dict[str, WrittenRule] = {}
    wildcards: list[str] = []
    for number in range(draw(st.integers(0, 5))):
        source, target = draw(PATHS), draw(PATHS)
        if draw(st.booleans()):
            prefix = draw(st.sampled_from(["", target + "/"]))
            if any(prefix.startswith(other) or other.startswith(prefix) for other in wildcards):
                continue
            wildcards.append(prefix)
            source, target = f"{source}/*", f"{prefix}*"
        rules.setdefault(target, WrittenRule(f"rule{number}", f"docker.io/{source}", target))
    return list(rules.values())


class TestAlgebra:
    """Which rule serves a repository, held against a plain statement of it."""

    @given(rules=rule_sets(), repository=PATHS)
    def test_static_beats_wildcard_and_a_wildcard_substitutes_its_prefix(
        self, rules: list[WrittenRule], repository: str
    ) -> None:
        """An equal target serves; else the wildcard in whose place something non-empty stands; else nothing."""
        answers: Mapping[bool, list[tuple[str, str]]] = {True: [], False: []}
        for rule in rules:
            if rule.target == repository:
                answers[True].append((rule.name, rule.source))
            elif rule.target.endswith("*"):
                for cut in range(len(repository)):
                    if rule.target == repository[:cut] + "*":
                        answers[False].append((rule.name, rule.source[:-1] + repository[cut:]))
        expected = next(iter(answers[True] + answers[False]), None)

        found = upstream_of(rules, repository)

        assert len(answers[True]) <= 1
        assert len(answers[False]) <= 1
        assert expected == ((found.rule.name, found.source) if found is not None else None)
