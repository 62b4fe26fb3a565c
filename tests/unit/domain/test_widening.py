"""Wider rules when narrow ones no longer fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.cache_rules import CacheRule
from shared.domain.plans import Blocked, CreateCacheRule, Plan, Status
from shared.domain.policy import Granularity, UpstreamPolicy
from shared.domain.registries import RegistrySnapshot
from shared.domain.widening import Mapping, fit, is_within_allow, mapping_of
from tests.planning import plan_for, policy, snapshot


def rules(planned: Plan) -> list[str]:
    """The sources of the rules to create."""
    return [action.source for action in planned.actions if isinstance(action, CreateCacheRule)]


def full(room: int, *texts: str, allow: tuple[str, ...] = ("**",), held: RegistrySnapshot | None = None) -> Plan:
    """The plan where only `room` more rules fit and wider ones are allowed."""
    held = held or snapshot()
    return plan_for(held, *texts, under=policy(limit=len(held.rules) + room, widen=True, allow=allow))


class TestWidening:
    """What the planner makes of little room."""

    def test_nothing_is_widened_while_there_is_room(self) -> None:
        """The narrowest first."""
        assert rules(full(2, "nginx", "redis")) == ["docker.io/library/nginx", "docker.io/library/redis"]

    def test_repositories_become_their_namespace(self) -> None:
        """And every image still gets the reference that its own rule would have given it."""
        planned = full(1, "nginx:1.27", "redis:7")

        assert rules(planned) == ["docker.io/library/*"]
        assert [outcome.pull_from for outcome in planned.outcomes] == [
            "contoso.azurecr.io/docker-hub/library/nginx:1.27",
            "contoso.azurecr.io/docker-hub/library/redis:7",
        ]
        assert all("wider" in outcome.detail for outcome in planned.outcomes)

    def test_only_as_much_as_is_needed(self) -> None:
        """The namespace that saves most is widened, the others stay narrow."""
        planned = full(3, "a/one", "b/one", "b/two", "b/three", "c/one")

        assert rules(planned) == ["docker.io/a/one", "docker.io/b/*", "docker.io/c/one"]

    def test_namespaces_become_the_upstream(self) -> None:
        """When even they do not fit."""
        assert rules(full(1, "nginx", "a/one", "b/one")) == ["docker.io/*"]

    def test_a_namespace_is_narrow_again_when_another_upstream_made_the_room(self) -> None:
        """What was widened in vain is taken back."""
        quay = {"quay.io": UpstreamPolicy(target="quay", allow=("**",))}
        texts = ("a/one", "a/two", *(f"quay.io/n{number}/x" for number in range(6)))
        planned = plan_for(snapshot(), *texts, under=policy(limit=3, widen=True, more=quay))

        assert rules(planned) == ["docker.io/a/one", "docker.io/a/two", "quay.io/*"]

    def test_not_without_the_policys_yes(self) -> None:
        """The first that fit are planned as they are."""
        planned = plan_for(snapshot(), "nginx", "redis", under=policy(limit=1))

        assert rules(planned) == ["docker.io/library/nginx"]
        assert "widen_when_full" in planned.outcomes[1].detail

    def test_not_beyond_allow(self) -> None:
        """What a stranger can make fail does not decide that more than `allow` is served."""
        planned = full(1, "nginx", "redis", allow=("library/nginx", "library/redis"))

        assert rules(planned) == ["docker.io/library/nginx"]
        assert planned.outcomes[1].reason == Blocked.RULE_QUOTA_REACHED

    @pytest.mark.parametrize(
        "held",
        [
            snapshot(repositories=("docker-hub/library/mysql",)),
            snapshot(CacheRule("theirs", "quay.io/*", "docker-hub/library/x/*")),
            snapshot(CacheRule("theirs", "quay.io/*", "*")),
        ],
        ids=["a repository below", "a foreign wildcard below", "a foreign wildcard above"],
    )
    def test_not_over_what_is_there(self, held: RegistrySnapshot) -> None:
        """A wider rule that ACR would refuse is none; nothing is deleted for it."""
        planned = full(1, "nginx", "redis", held=held)

        assert rules(planned) == ["docker.io/library/nginx"]
        assert [outcome.status for outcome in planned.outcomes] == [Status.PLANNED, Status.BLOCKED]

    def test_a_foreign_static_rule_below_stays_what_it_is(self) -> None:
        """A static rule beats the wider one, so it is not swallowed."""
        theirs = CacheRule("theirs", "quay.io/a/b", "docker-hub/library/mysql")

        assert rules(full(1, "nginx", "redis", held=snapshot(theirs))) == ["docker.io/library/*"]

    def test_a_full_registry_can_not_be_widened(self) -> None:
        """Without room for one rule there is none for a wider one, and no rule is deleted."""
        planned = full(0, "nginx", "redis")

        assert planned.actions == ()
        assert {Blocked.RULE_QUOTA_REACHED} == {outcome.reason for outcome in planned.outcomes}

    def test_more_rules_than_the_limit_admits(self) -> None:
        """A limit that was lowered below what is there leaves room for nothing."""
        held = snapshot(CacheRule("first", "quay.io/a/b", "x/b"), CacheRule("second", "quay.io/a/c", "x/c"))

        assert plan_for(held, "nginx", under=policy(limit=1)).actions == ()


class TestWithinAllow:
    """When `allow` covers all that a wider rule would serve."""

    @pytest.mark.parametrize(
        ("host", "path", "allow", "expected"),
        [
            ("docker.io", "library/*", ("library/*",), True),
            ("docker.io", "library/*", ("library/**",), True),
            ("docker.io", "library/*", ("*/*",), True),
            ("docker.io", "library/*", ("library/n*",), False),
            ("docker.io", "*", ("*/*",), True),
            ("docker.io", "*", ("library/*", "bitnami/**"), False),
            ("quay.io", "a/*", ("a/*",), False),
            ("quay.io", "a/*", ("a/**",), True),
            ("quay.io", "*", ("*/*",), False),
            ("quay.io", "*", ("**",), True),
        ],
    )
    def test_names_on_docker_hub_have_two_segments(
        self, host: str, path: str, allow: tuple[str, ...], expected: bool
    ) -> None:
        """There one star is enough; elsewhere a namespace holds deeper names as well."""
        assert expected == is_within_allow(Mapping(host, path, "t"), UpstreamPolicy(target="t", allow=allow))


mappings = st.lists(
    st.builds(
        lambda host, namespace, name: mapping_of(host, f"{namespace}/{name}", host, Granularity.REPOSITORY),
        st.sampled_from(("docker.io", "quay.io")),
        st.sampled_from("abc"),
        st.sampled_from("xyz"),
    ),
    unique=True,
    max_size=12,
)


def _wider(mapping: Mapping, granularity: Granularity) -> Mapping | None:
    """Everything may be widened but the namespace a and Quay."""
    wide = mapping_of(mapping.host, mapping.path, mapping.prefix, granularity)
    return wide if wide.path != "a/*" and wide.source != "quay.io/*" else None


class TestFit:
    """Laws of the fitting."""

    @given(mappings, st.integers(-1, 12), st.booleans())
    def test_no_more_than_fit_and_each_covers_what_it_stands_for(
        self, wanted: list[Mapping], free: int, widen: bool
    ) -> None:
        """Places are within the room, cover their mappings, and never nest."""
        placed = fit(wanted, free, _wider if widen else None)
        places = {place for place in placed.values() if place is not None}

        assert set(placed) == set(wanted)
        assert len(places) <= max(free, 0)
        for mapping, place in placed.items():
            assert place in {None, mapping} or mapping.source.startswith(str(place and place.source)[:-1])
        wildcards = [place.source[:-1] for place in places if place.path.endswith("*")]
        assert not any(one != other and one.startswith(other) for one in wildcards for other in wildcards)

    @given(mappings, st.integers(0, 12))
    def test_widening_never_covers_less(self, wanted: list[Mapping], free: int) -> None:
        """As many mappings have a place as without it, or more."""
        without, with_it = fit(wanted, free, None), fit(wanted, free, _wider)

        assert sum(place is not None for place in without.values()) <= sum(
            place is not None for place in with_it.values()
        )

    @given(mappings)
    def test_with_room_for_all_everything_stays_narrow(self, wanted: list[Mapping]) -> None:
        """Nothing is widened without need."""
        assert fit(wanted, len(wanted), _wider) == {mapping: mapping for mapping in wanted}
