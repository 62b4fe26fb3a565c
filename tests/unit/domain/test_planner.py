"""Plans: what is missing, in order, and what becomes of each image."""

from pathlib import Path

import msgspec
import pytest

from shared.domain.cache_rules import CacheRule, rule_name
from shared.domain.images import parse_reference
from shared.domain.plans import (
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
    Status,
    plan_hash,
)
from shared.domain.policy import Granularity, UpstreamPolicy
from tests.planning import (
    FOREIGN,
    HUB,
    OURS,
    apply_plan,
    outcome_for,
    plan_for,
    policy,
    snapshot,
)

ROOT = Path(__file__).resolve().parents[3]
NGINX = CacheRule("nginx-rule", "docker.io/library/nginx", "docker-hub/library/nginx", "our-set")
DIGEST = "sha256:" + "a" * 64


class TestMissing:
    """An image that nothing covers."""

    def test_gets_credentials_access_and_a_rule_in_this_order(self) -> None:
        """What a later action needs comes first, and the new reference keeps tag and digest."""
        planned = plan_for(snapshot(sets=()), f"nginx:1.27@{DIGEST}")

        made, granted, rule = planned.actions
        assert isinstance(made, CreateCredentialSet)
        assert isinstance(granted, GrantVaultAccess)
        assert isinstance(rule, CreateCacheRule)
        assert ("docker.io", *HUB.secret_ids) == (made.login_server, made.username_secret, made.token_secret)
        assert (made.name, HUB.vault, HUB.secrets) == (granted.credential_set, granted.vault, granted.secrets)
        assert ("docker.io/library/nginx", "docker-hub/library/nginx", made.name) == (
            rule.source,
            rule.target,
            rule.credential_set,
        )
        (outcome,) = planned.outcomes
        assert outcome.status is Status.PLANNED
        assert outcome.rule == rule.name
        assert outcome.pull_from == f"contoso.azurecr.io/docker-hub/library/nginx:1.27@{DIGEST}"

    def test_every_action_says_why(self) -> None:
        """An action without a reason is not planned."""
        lacking = msgspec.structs.replace(NGINX, credential_set=None)

        assert all(action.why for action in plan_for(snapshot(lacking, sets=()), "nginx", "redis").actions)

    def test_failures_of_one_repository_are_one_rule(self) -> None:
        """Tags, digests and repetitions of a repository are outcomes, in their order, and not rules."""
        texts = ("nginx:1.27", f"nginx@{DIGEST}", "docker.io/nginx", "nginx:1.27", "redis")
        planned = plan_for(snapshot(), *texts)

        assert [str(parse_reference(text)) for text in texts] == [outcome.image for outcome in planned.outcomes]
        assert [action.source for action in planned.actions if isinstance(action, CreateCacheRule)] == [
            "docker.io/library/nginx",
            "docker.io/library/redis",
        ]

    def test_upstreams_share_nothing_but_the_plan(self) -> None:
        """Each upstream has its own credential set or none, and its own target."""
        under = policy(more={"mcr.microsoft.com": UpstreamPolicy(target="mcr", allow=("**",))})
        planned = plan_for(snapshot(), "nginx", "mcr.microsoft.com/dotnet/sdk:9.0", under=under)

        assert [
            (action.target, action.credential_set) for action in planned.actions if isinstance(action, CreateCacheRule)
        ] == [("docker-hub/library/nginx", "our-set"), ("mcr/dotnet/sdk", None)]

    @pytest.mark.parametrize(
        ("granularity", "text", "source", "target"),
        [
            (Granularity.REPOSITORY, "bitnami/redis", "docker.io/bitnami/redis", "docker-hub/bitnami/redis"),
            (Granularity.NAMESPACE, "bitnami/redis", "docker.io/bitnami/*", "docker-hub/bitnami/*"),
            (Granularity.REGISTRY, "bitnami/redis", "docker.io/*", "docker-hub/*"),
        ],
    )
    def test_granularity(self, granularity: Granularity, text: str, source: str, target: str) -> None:
        """One rule for a repository, a namespace or the upstream; the new reference is the same."""
        planned = plan_for(snapshot(), text, "bitnami/kafka", under=policy(granularity=granularity))

        rules = [(action.source, action.target) for action in planned.actions if isinstance(action, CreateCacheRule)]
        assert (source, target) == rules[0]
        assert len(rules) == (2 if granularity is Granularity.REPOSITORY else 1)
        assert planned.outcomes[0].pull_from == "contoso.azurecr.io/docker-hub/bitnami/redis"

    def test_a_repository_without_a_namespace_is_covered_by_itself(self) -> None:
        """Granularity namespace can't be had for `registry.k8s.io/pause`."""
        k8s = UpstreamPolicy(target="k8s", allow=("**",), granularity=Granularity.NAMESPACE)
        planned = plan_for(snapshot(), "registry.k8s.io/pause:3.9", under=policy(more={"registry.k8s.io": k8s}))

        assert [
            (action.source, action.target) for action in planned.actions if isinstance(action, CreateCacheRule)
        ] == [("registry.k8s.io/pause", "k8s/pause")]

    def test_a_static_rule_may_stand_under_a_foreign_wildcard(self) -> None:
        """ACR admits it, and the outcome says what it stands over."""
        everything = CacheRule("mcr-all", "mcr.microsoft.com/*", "*")
        planned = plan_for(snapshot(everything), "nginx")

        assert planned.outcomes[0].status is Status.PLANNED
        assert "mcr-all" in planned.outcomes[0].detail

    def test_a_rule_whose_creation_failed_is_made_again_under_its_name(self) -> None:
        """The same mapping needs no second rule and no room in the quota."""
        failed = msgspec.structs.replace(NGINX, provisioning_state="Failed")
        planned = plan_for(snapshot(failed), "nginx", under=policy(limit=1))

        assert [action.name for action in planned.actions if isinstance(action, CreateCacheRule)] == ["nginx-rule"]


class TestNames:
    """Deterministic names, and names that are taken."""

    def test_the_same_rule_has_the_same_name_anywhere(self) -> None:
        """Two workers that plan apart plan the same."""
        expected = rule_name("docker.io/library/nginx", "docker-hub/library/nginx")

        assert outcome_for(snapshot(), "nginx").rule == expected
        assert outcome_for(snapshot(repositories=("a/b",)), "nginx:1").rule == expected

    def test_a_foreign_rule_of_the_same_name_is_left_alone(self) -> None:
        """A PUT would overwrite it silently; ARM compares names without regard to case."""
        name = rule_name("docker.io/library/nginx", "docker-hub/library/nginx").upper()
        squatter = CacheRule(name, "quay.io/a/b", "elsewhere/b")
        planned = plan_for(snapshot(squatter), "nginx")

        expected = rule_name("docker.io/library/nginx", "docker-hub/library/nginx", attempt=1)
        assert planned.outcomes[0].rule == expected

    def test_a_foreign_credential_set_of_the_same_name_is_left_alone(self) -> None:
        """The same for credential sets."""
        (first, *_) = plan_for(snapshot(sets=()), "nginx").actions
        assert isinstance(first, CreateCredentialSet)
        squatter = msgspec.structs.replace(FOREIGN, name=first.name, login_server="quay.io")
        (second, *_) = plan_for(snapshot(sets=(squatter,)), "nginx").actions
        assert isinstance(second, CreateCredentialSet)

        assert second.name != first.name


class TestCredentials:
    """Which credential set is used, and what it lacks."""

    def test_a_set_of_the_same_login_server_is_shared(self) -> None:
        """Somebody else's too, when nothing says that it does not work; it is granted nothing."""
        planned = plan_for(snapshot(sets=(FOREIGN,)), "nginx", "redis")

        assert [action.credential_set for action in planned.actions if isinstance(action, CreateCacheRule)] == [
            "their-set",
            "their-set",
        ]
        assert len(planned.actions) == 2

    def test_our_own_set_is_preferred(self) -> None:
        """It is the one whose secrets are rotated."""
        planned = plan_for(snapshot(sets=(FOREIGN, OURS)), "nginx")

        assert isinstance(planned.actions[0], CreateCacheRule)
        assert planned.actions[0].credential_set == "our-set"

    @pytest.mark.parametrize(
        ("changes", "granted"),
        [
            ({"vault_access": True, "healthy": False}, False),
            ({"vault_access": False, "healthy": True}, True),
            ({"vault_access": None, "healthy": False}, True),
            ({"vault_access": None, "healthy": None}, False),
            ({"vault_access": None, "healthy": True}, False),
        ],
    )
    def test_access_is_granted_when_it_lacks(self, changes: dict[str, bool | None], granted: bool) -> None:
        """What was looked up decides; where nobody looked, ill health counts as lack of access. Covered images too."""
        ours = msgspec.structs.replace(OURS, **changes)

        for held in (snapshot(sets=(ours,)), snapshot(NGINX, sets=(ours,))):
            actions = plan_for(held, "nginx").actions
            assert granted == any(isinstance(action, GrantVaultAccess) for action in actions)

    def test_a_foreign_set_that_does_not_work_is_replaced_for_new_rules_only(self) -> None:
        """Its secrets are not the policy's, so it is granted nothing; existing rules keep it."""
        broken = msgspec.structs.replace(FOREIGN, healthy=False, health_message="nothing to read")
        theirs = msgspec.structs.replace(NGINX, credential_set="their-set")
        planned = plan_for(snapshot(theirs, sets=(broken,)), "nginx", "redis")

        assert [msgspec.to_builtins(action)["kind"] for action in planned.actions] == [
            "create_credential_set",
            "grant_vault_access",
            "create_cache_rule",
        ]
        assert planned.outcomes[0].status is Status.COVERED
        assert "nothing to read" in planned.outcomes[0].detail

    def test_an_upstream_that_needs_none_gets_none(self) -> None:
        """Where the policy names no credential for it."""
        under = policy(more={"quay.io": UpstreamPolicy(target="quay", allow=("**",))})
        quay = msgspec.structs.replace(FOREIGN, login_server="quay.io")
        planned = plan_for(snapshot(sets=(quay,)), "quay.io/a/b", under=under)

        assert isinstance(planned.actions[0], CreateCacheRule)
        assert planned.actions[0].credential_set is None


class TestHash:
    """The name of what people agree to."""

    def test_is_of_the_actions_alone(self) -> None:
        """Neither the order of failures nor the words of explanations change it; another action does."""
        one = plan_for(snapshot(sets=()), "nginx", "redis")
        other = plan_for(snapshot(sets=()), "redis:7", "nginx", "nginx:2")
        less = plan_for(snapshot(sets=()), "redis:7")
        reworded = tuple(msgspec.structs.replace(action, why="because") for action in one.actions)

        assert plan_hash(one) == plan_hash(msgspec.structs.replace(one, actions=reworded))
        assert plan_hash(one) == plan_hash(other)
        assert plan_hash(one) != plan_hash(less)

    def test_planning_after_applying_gives_an_empty_plan(self) -> None:
        """And every image that was planned is covered, under the same reference."""
        texts = ("nginx:1.27", "bitnami/redis", "docker.elastic.co/a/b")
        before = plan_for(snapshot(sets=()), *texts)
        after = plan_for(apply_plan(snapshot(sets=()), before.actions), *texts)

        assert after.actions == ()
        assert [outcome.pull_from for outcome in before.outcomes] == [outcome.pull_from for outcome in after.outcomes]
        assert [outcome.status for outcome in after.outcomes] == [Status.COVERED, Status.COVERED, Status.BLOCKED]
