"""What holds for every registry, every policy and every list of failures."""

from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.cache_rules import CacheRule, canonical_source, serving_rule, to_source, to_target
from shared.domain.planner import plan
from shared.domain.plans import (
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
    Plan,
    PlannedImage,
    Status,
    plan_hash,
)
from shared.domain.policy import Granularity, Policy, UpstreamPolicy
from shared.domain.registries import CredentialSet, RegistrySnapshot
from tests.planning import (
    FOREIGN,
    HUB,
    OURS,
    REGISTRY,
    apply_plan,
    image,
    paths,
    policy,
    rule_sets,
    snapshot,
    sources,
)

verdicts = st.sampled_from((None, True, False))


@st.composite
def credential_sets(draw: st.DrawFn) -> tuple[CredentialSet, ...]:
    """Our own set and somebody else's, each in some health or not there."""
    sets = []
    for name, base in (("our-set", OURS), ("their-set", FOREIGN)):
        if draw(st.booleans()):
            state = draw(st.sampled_from(("Succeeded", "Succeeded", "Failed")))
            secrets = (base.username_secret, base.token_secret)
            sets.append(
                CredentialSet(
                    name, "docker.io", *secrets, "p", draw(verdicts), "", "", draw(verdicts), provisioning_state=state
                )
            )
    return tuple(sets)


@st.composite
def registries(draw: st.DrawFn) -> RegistrySnapshot:
    """A registry with rules that ACR admitted, some sets, some repositories."""
    repositories = draw(st.frozensets(st.one_of(paths, paths.map(lambda path: f"docker-hub/{path}")), max_size=4))
    return snapshot(*draw(rule_sets), sets=draw(credential_sets()), repositories=repositories)


granularities = st.sampled_from(Granularity)
allows = st.lists(st.sampled_from(("**", "library/*", "library/**", "a/**", "*/*", "b")), min_size=1, max_size=2)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A policy for Docker Hub and up to two more upstreams."""
    more = {}
    for host, target in (("ghcr.io", "ghcr"), ("mcr.microsoft.com", "a/mcr"), ("docker.elastic.co", "elastic")):
        if draw(st.booleans()):
            more[host] = UpstreamPolicy(target=target, granularity=draw(granularities), allow=tuple(draw(allows)))
    return policy(
        granularity=draw(granularities),
        allow=draw(allows),
        deny=draw(st.sampled_from(((), ("*/nightly*",), ("b/**",)))),
        credential=draw(st.sampled_from(("hub", "hub", None))),
        limit=draw(st.sampled_from((1000, 8, 4, 2, 1))),
        widen=draw(st.booleans()),
        more=more,
    )


references = st.one_of(
    sources, sources.map(lambda source: f"{source}:1.0"), paths.map(lambda path: f"contoso.azurecr.io/{path}")
)
failures = st.lists(
    st.builds(
        image,
        st.one_of(references, st.text(max_size=10)),
        cause=st.sampled_from((None, None, None, "rate_limited", "abuse_limited", "not_found")),
        cache_rule=st.sampled_from((None, None, None, "rule-01", "rule-02")),
    ),
    max_size=12,
)


def planned(held: RegistrySnapshot, images: list[PlannedImage], under: Policy) -> Plan:
    """The plan."""
    return plan(held, images, under, registry=REGISTRY)


class TestLaws:
    """Laws of the planner."""

    @given(registries(), failures, policies())
    def test_one_outcome_per_image_in_their_order(
        self, held: RegistrySnapshot, images: list[PlannedImage], under: Policy
    ) -> None:
        """Whatever comes in, something is said of each, and each says what it needs to."""
        outcomes = planned(held, images, under).outcomes

        assert [str(one.reference or one.text) for one in images] == [outcome.image for outcome in outcomes]
        for outcome in outcomes:
            settled = outcome.status in {Status.COVERED, Status.PLANNED}
            assert settled == (outcome.rule is not None)
            assert settled != (outcome.reason is not None)
            assert settled or (outcome.detail and outcome.pull_from is None)

    @given(registries(), failures, policies())
    def test_acr_accepts_every_action_in_its_order(
        self, held: RegistrySnapshot, images: list[PlannedImage], under: Policy
    ) -> None:
        """The model of a registry raises for what ACR would refuse."""
        actions = planned(held, images, under).actions
        after = apply_plan(held, actions)

        made = len(after.rules) - len(held.rules)
        assert made <= max(0, under.limits.rules_per_registry - len(held.rules))

    @given(registries(), failures, policies())
    def test_planning_after_applying_gives_an_empty_plan(
        self, held: RegistrySnapshot, images: list[PlannedImage], under: Policy
    ) -> None:
        """Each planned image is covered then, by the rule and under the reference that the plan named."""
        first = planned(held, images, under)
        second = planned(apply_plan(held, first.actions), images, under)

        for before, after in zip(first.outcomes, second.outcomes, strict=True):
            if before.status is Status.PLANNED:
                assert (Status.COVERED, before.rule, before.pull_from) == (after.status, after.rule, after.pull_from)
        assert second.actions == ()

    @given(registries(), failures, policies())
    def test_what_is_handed_on_is_what_failed(
        self, held: RegistrySnapshot, images: list[PlannedImage], under: Policy
    ) -> None:
        """After applying, the registry serves the failing repository at the reference that people are told."""
        first = planned(held, images, under)
        after = apply_plan(held, first.actions)

        for one, outcome in zip(images, first.outcomes, strict=True):
            if outcome.pull_from is None:
                continue
            target = outcome.pull_from.removeprefix("contoso.azurecr.io/").partition(":")[0]
            rule = serving_rule(after.rules, target)
            assert rule is not None
            assert outcome.rule == rule.name
            served = to_source(rule, target)
            assert served is not None
            assert one.cache_rule == rule.name or one.reference is not None
            if one.reference is not None:
                assert one.reference.repository == target or one.reference.source == served

    @given(registries(), failures, policies(), sources)
    @example(snapshot(CacheRule("their-rule", "quay.io/*", "docker-hub/*")), [image("a/b")], policy(), "quay.io/a/b")
    def test_no_covered_reference_becomes_uncovered(
        self, held: RegistrySnapshot, images: list[PlannedImage], under: Policy, source: str
    ) -> None:
        """Save below our own prefix under a wildcard above it: there a static rule may stand, as ACR admits it."""
        ours = tuple(f"{upstream.target}/" for upstream in under.upstreams.values())
        covered = [
            target
            for rule in held.rules
            if rule.is_serving
            and (target := to_target(rule, source)) is not None
            and serving_rule(held.rules, target) == rule
            and not (rule.is_wildcard and target.startswith(ours) and not rule.target.startswith(ours))
        ]
        after = apply_plan(held, planned(held, images, under).actions)

        for target in covered:
            rule = serving_rule(after.rules, target)
            assert rule is not None
            assert source == to_source(rule, target)

    @given(registries(), failures, policies())
    def test_nothing_outside_allow_is_created(
        self, held: RegistrySnapshot, images: list[PlannedImage], under: Policy
    ) -> None:
        """Every static rule is for a repository that failed and is allowed; a wildcard holds one such."""
        failed = {one.reference for one in images if one.reference is not None}
        for action in planned(held, images, under).actions:
            if isinstance(action, CreateCacheRule):
                rule = CacheRule(action.name, action.source, action.target)
                assert any(
                    under.allows(one.registry, one.repository)
                    for one in failed
                    if to_target(rule, canonical_source(one.source)) is not None
                )

    @given(registries(), failures, policies())
    def test_secrets_are_the_policys(self, held: RegistrySnapshot, images: list[PlannedImage], under: Policy) -> None:
        """No set is made and no access granted for secrets that the policy does not name."""
        actions = planned(held, images, under).actions
        granted = [(action.vault, action.secrets) for action in actions if isinstance(action, GrantVaultAccess)]
        read = [action.username_secret for action in actions if isinstance(action, CreateCredentialSet)]

        assert set(granted) <= {(HUB.vault, HUB.secrets)}
        assert set(read) <= {HUB.secret_ids[0]}

    @given(registries(), st.permutations([image("nginx"), image("a/b"), image("ghcr.io/a/b"), image("redis:7")]))
    def test_the_order_of_failures_does_not_change_what_is_agreed_to(
        self, held: RegistrySnapshot, images: list[PlannedImage]
    ) -> None:
        """While the quota holds, the same failures in another order have the same hash."""
        assert plan_hash(planned(held, images, policy())) == plan_hash(planned(held, sorted(images, key=str), policy()))
