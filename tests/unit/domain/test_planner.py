"""Plans: what is missing, in order, and what becomes of each image."""

from pathlib import Path

import msgspec
import pytest

from shared.domain.cache_rules import CacheRule, rule_name
from shared.domain.images import parse_reference
from shared.domain.planner import plan
from shared.domain.plans import (
    AttachCredentialSet,
    Blocked,
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
    PlannedImage,
    Status,
    plan_hash,
)
from shared.domain.policy import Granularity, UpstreamPolicy
from tests.planning import (
    FOREIGN,
    HUB,
    OURS,
    REGISTRY,
    apply_plan,
    image,
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


class TestCovered:
    """An image that a rule serves already."""

    def test_nothing_is_missing(self) -> None:
        """The outcome names the rule and the reference to use."""
        planned = plan_for(snapshot(NGINX), "nginx:1.27")

        assert planned.actions == ()
        assert planned.outcomes[0].status is Status.COVERED
        assert planned.outcomes[0].rule == "nginx-rule"
        assert planned.outcomes[0].pull_from == "contoso.azurecr.io/docker-hub/library/nginx:1.27"

    def test_a_rule_made_by_hand_under_another_prefix_counts(self) -> None:
        """Whoever made it, and whatever the policy says of the upstream: its target is handed on."""
        by_hand = CacheRule("by-hand", "docker.io/library/nginx", "mirror/nginx", "their-set")
        outcome = outcome_for(snapshot(by_hand, sets=(FOREIGN,)), "nginx:1.27", under=policy(allow=()))

        assert outcome.status is Status.COVERED
        assert outcome.pull_from == "contoso.azurecr.io/mirror/nginx:1.27"

    def test_a_wildcard_covers(self) -> None:
        """Below its source, through its target."""
        wildcard = CacheRule("wildcard", "docker.io/*", "hub/*", "our-set")

        assert outcome_for(snapshot(wildcard), "redis:7").pull_from == "contoso.azurecr.io/hub/library/redis:7"

    def test_a_wildcard_whose_target_another_rule_stands_over_does_not(self) -> None:
        """The reference would serve somebody else's image."""
        wildcard = CacheRule("wildcard", "docker.io/*", "hub/*", "our-set")
        above = CacheRule("above", "quay.io/a/b", "hub/library/nginx")

        assert outcome_for(snapshot(wildcard, above), "nginx").status is Status.PLANNED

    def test_of_several_rules_the_one_that_works_is_handed_on(self) -> None:
        """A static one without credentials is worth less than a wildcard with them."""
        lacking = msgspec.structs.replace(NGINX, credential_set=None)
        wildcard = CacheRule("wildcard", "docker.io/*", "hub/*", "our-set")

        assert outcome_for(snapshot(lacking, wildcard), "nginx").rule == "wildcard"
        assert outcome_for(snapshot(NGINX, wildcard), "nginx").rule == "nginx-rule"

    def test_a_reference_to_the_registry_itself(self) -> None:
        """Below a rule it is covered as it stands; elsewhere it is none of ours."""
        held = snapshot(NGINX)
        served = outcome_for(held, "contoso.azurecr.io/docker-hub/library/nginx:1.27")
        own = outcome_for(held, "contoso.azurecr.io/team/app:1")

        assert served.status is Status.COVERED
        assert served.pull_from == "contoso.azurecr.io/docker-hub/library/nginx:1.27"
        assert (own.status, own.reason) == (Status.IGNORED, "not_from_upstream")

    def test_a_rule_without_its_credential_set_gets_one(self) -> None:
        """A docker.io rule without credentials, or whose set is gone, does not serve."""
        for name in (None, "gone-set"):
            lacking = msgspec.structs.replace(NGINX, credential_set=name)
            planned = plan_for(snapshot(lacking), "nginx")

            (attach,) = planned.actions
            assert isinstance(attach, AttachCredentialSet)
            assert (attach.rule, attach.credential_set) == ("nginx-rule", "our-set")
            assert planned.outcomes[0].status is Status.PLANNED
            assert planned.outcomes[0].pull_from == "contoso.azurecr.io/docker-hub/library/nginx"

    def test_a_foreign_rule_is_not_changed_beyond_the_policy(self) -> None:
        """To attach credentials is to let it pull: what the policy does not allow stays blocked."""
        lacking = msgspec.structs.replace(NGINX, credential_set=None)
        outcome = outcome_for(snapshot(lacking), "nginx", under=policy(allow=("bitnami/*",)))

        assert (outcome.status, outcome.reason) == (Status.BLOCKED, Blocked.DENIED_BY_POLICY)
        assert outcome.pull_from is None


class TestThroughARule:
    """A failure that names the rule it went through."""

    def limited(self, rule: str, text: str = "the text") -> PlannedImage:
        """A rate-limited pull through a rule."""
        return image(text, cause="rate_limited", cache_rule=rule)

    def test_with_credentials_is_covered_and_says_whose_limit_it_is(self) -> None:
        """The account's limit is hit: nothing to create."""
        planned = plan(snapshot(NGINX), [self.limited("Nginx-Rule")], policy(), registry=REGISTRY)

        (outcome,) = planned.outcomes
        assert planned.actions == ()
        assert (outcome.status, outcome.rule) == (Status.COVERED, "nginx-rule")
        assert "account" in outcome.detail

    def test_without_credentials_gets_them(self) -> None:
        """Also where the upstream does not insist, when the policy has a credential for it."""
        ghcr = UpstreamPolicy(target="ghcr", allow=("**",), credential="hub")
        rule = CacheRule("ghcr-rule", "ghcr.io/a/*", "ghcr/a/*")
        through = [self.limited("ghcr-rule", "contoso.azurecr.io/ghcr/a/b:1")]
        planned = plan(snapshot(rule), through, policy(more={"ghcr.io": ghcr}), registry=REGISTRY)

        assert [msgspec.to_builtins(action)["kind"] for action in planned.actions] == [
            "create_credential_set",
            "grant_vault_access",
            "attach_credential_set",
        ]
        assert planned.outcomes[0].pull_from == "contoso.azurecr.io/ghcr/a/b:1"

    def test_an_upstream_that_refuses_credentials_gets_none(self) -> None:
        """The limit is the upstream's own for ACR's addresses."""
        rule = CacheRule("mcr-rule", "mcr.microsoft.com/*", "mcr/*")
        planned = plan(snapshot(rule), [self.limited("mcr-rule")], policy(), registry=REGISTRY)

        assert planned.actions == ()
        assert planned.outcomes[0].status is Status.COVERED

    def test_the_reference_to_use_is_told_where_it_is_known(self) -> None:
        """A static rule says it by itself, a wildcard only with the image; an image of another rule is none."""
        wildcard = CacheRule("hub-rule", "docker.io/*", "hub/*", "our-set")
        through = [
            self.limited("nginx-rule"),
            self.limited("hub-rule"),
            self.limited("hub-rule", "bitnami/redis:7"),
            self.limited("hub-rule", "contoso.azurecr.io/hub/bitnami/redis:7"),
            self.limited("nginx-rule", "bitnami/redis:7"),
        ]
        planned = plan(snapshot(NGINX, wildcard), through, policy(), registry=REGISTRY)

        assert [outcome.pull_from for outcome in planned.outcomes] == [
            "contoso.azurecr.io/docker-hub/library/nginx",
            None,
            "contoso.azurecr.io/hub/bitnami/redis:7",
            "contoso.azurecr.io/hub/bitnami/redis:7",
            None,
        ]

    def test_a_wildcard_without_credentials_gets_them_for_an_unnamed_image(self) -> None:
        """The policy only has to know the upstream; for a named image it has to allow it."""
        wildcard = CacheRule("hub-rule", "docker.io/*", "hub/*")
        under = policy(allow=("library/*",))
        held = snapshot(wildcard)

        unnamed = plan(held, [self.limited("hub-rule")], under, registry=REGISTRY)
        denied = plan(held, [self.limited("hub-rule", "bitnami/redis")], under, registry=REGISTRY)
        assert [type(action) for action in unnamed.actions] == [AttachCredentialSet]
        assert (denied.actions, denied.outcomes[0].reason) == ((), Blocked.DENIED_BY_POLICY)

    def test_a_rule_that_is_not_there(self) -> None:
        """Another registry's, or deleted: left alone, and said so."""
        planned = plan(snapshot(NGINX), [self.limited("other-rule")], policy(), registry=REGISTRY)

        assert (planned.outcomes[0].status, planned.outcomes[0].reason) == (Status.IGNORED, "rule_not_found")


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


class TestBlocked:
    """Each reason, by a registry and a policy that call for it."""

    @pytest.mark.parametrize("text", ["", "UPPER/Case:1", "a b", "nginx:", "http://nginx", "nginx@sha256:abc"])
    def test_invalid_reference(self, text: str) -> None:
        """What is no reference stands in the outcome as it came."""
        outcome = outcome_for(snapshot(), text)

        assert (outcome.status, outcome.reason, outcome.image) == (Status.BLOCKED, Blocked.INVALID_REFERENCE, text)

    def test_a_path_that_no_rule_can_have(self) -> None:
        """A valid reference whose target would be too long."""
        outcome = outcome_for(snapshot(), "a/" + "b" * 250)

        assert outcome.reason == Blocked.INVALID_REFERENCE

    @pytest.mark.parametrize(
        "text", ["docker.elastic.co/a/b:1", "localhost:5000/a", "fabrikam.azurecr.io/a", "10.0.0.1/a"]
    )
    def test_upstream_not_supported(self, text: str) -> None:
        """Whatever the policy says."""
        assert outcome_for(snapshot(), text).reason == Blocked.UPSTREAM_NOT_SUPPORTED

    def test_upstream_not_in_policy(self) -> None:
        """ACR could, the policy does not."""
        assert outcome_for(snapshot(), "ghcr.io/a/b").reason == Blocked.UPSTREAM_NOT_IN_POLICY

    def test_denied_by_policy(self) -> None:
        """Not allowed, or denied, with the pattern that says so."""
        under = policy(allow=("library/*",), deny=("*/nightly*",))

        assert "allow" in outcome_for(snapshot(), "bitnami/redis", under=under).detail
        assert "*/nightly*" in outcome_for(snapshot(), "library/nightly", under=under).detail
        assert {Blocked.DENIED_BY_POLICY} == {
            outcome_for(snapshot(), text, under=under).reason for text in ("bitnami/redis", "library/nightly")
        }

    def test_credential_missing(self) -> None:
        """Docker Hub without a credential in the policy and without a working set in the registry."""
        broken = msgspec.structs.replace(FOREIGN, healthy=False)
        under = policy(credential=None)

        for sets in ((), (broken,)):
            outcome = outcome_for(snapshot(sets=sets), "nginx", under=under)
            assert (outcome.status, outcome.reason) == (Status.BLOCKED, Blocked.CREDENTIAL_MISSING)
        assert outcome_for(snapshot(sets=(FOREIGN,)), "nginx", under=under).status is Status.PLANNED

    @pytest.mark.parametrize(
        ("granularity", "repository", "blocked"),
        [
            (Granularity.REPOSITORY, "docker-hub/library/nginx", True),
            (Granularity.REPOSITORY, "docker-hub/library/nginx2", False),
            (Granularity.REPOSITORY, "docker-hub/library", False),
            (Granularity.NAMESPACE, "docker-hub/library/redis", True),
            (Granularity.NAMESPACE, "docker-hub/library/a/b", True),
            (Granularity.NAMESPACE, "docker-hub/library2/redis", False),
            (Granularity.REGISTRY, "docker-hub/other/redis", True),
            (Granularity.REGISTRY, "docker-hub2/other/redis", False),
        ],
    )
    def test_target_repository_exists(self, granularity: Granularity, repository: str, blocked: bool) -> None:
        """The repository itself for a static rule, anything below for a wildcard; a free prefix is proposed."""
        outcome = outcome_for(snapshot(repositories=(repository,)), "nginx", under=policy(granularity=granularity))

        assert blocked == (outcome.reason == Blocked.TARGET_REPOSITORY_EXISTS)
        assert blocked == ("docker-hub-cache" in outcome.detail)

    def test_the_proposed_prefix_is_really_free(self) -> None:
        """Nothing exists there, no rule leads there, no other upstream uses it."""
        held = snapshot(
            CacheRule("static-rule", "quay.io/a/b", "docker-hub-cache/b"),
            CacheRule("wild-rule", "quay.io/a/*", "docker-hub-2/a/*"),
            repositories=("docker-hub/library/nginx", "docker-hub-3", "docker-hub-4/a"),
        )
        under = policy(more={"quay.io": UpstreamPolicy(target="docker-hub-5", allow=("**",))})

        assert "docker-hub-6," in outcome_for(held, "nginx", under=under).detail

    @pytest.mark.parametrize(
        ("rule", "granularity"),
        [
            (CacheRule("their-rule", "quay.io/a/b", "docker-hub/library/nginx"), Granularity.REPOSITORY),
            (CacheRule("their-rule", "quay.io/*", "docker-hub/*"), Granularity.REPOSITORY),
            (CacheRule("their-rule", "quay.io/*", "docker-hub/library/*"), Granularity.REPOSITORY),
            (CacheRule("their-rule", "quay.io/*", "docker-hub/*"), Granularity.NAMESPACE),
            (CacheRule("their-rule", "quay.io/*", "docker-hub/library/x/*"), Granularity.NAMESPACE),
            (CacheRule("their-rule", "quay.io/*", "*"), Granularity.NAMESPACE),
            (CacheRule("their-rule", "quay.io/*", "docker-hub/library/*"), Granularity.REGISTRY),
            (CacheRule("their-rule", "quay.io/a/b", "docker-hub/library/nginx"), Granularity.REGISTRY),
            (
                CacheRule("their-rule", "quay.io/a/b", "docker-hub/library/nginx", None, "Deleting"),
                Granularity.REPOSITORY,
            ),
        ],
    )
    def test_overlaps_rule(self, rule: CacheRule, granularity: Granularity) -> None:
        """A rule that ours can't stand beside, would take a target from, or would be hidden by; it is named."""
        outcome = outcome_for(snapshot(rule), "nginx", under=policy(granularity=granularity))

        assert (outcome.status, outcome.reason) == (Status.BLOCKED, Blocked.OVERLAPS_RULE)
        assert "their-rule" in outcome.detail
        assert "docker-hub-cache" in outcome.detail

    def test_rule_quota_reached(self) -> None:
        """Other people's rules count; the first that fit are planned, nothing is deleted."""
        theirs = CacheRule("their-rule", "quay.io/a/b", "x/b")
        planned = plan_for(snapshot(theirs), "nginx", "redis", "nginx:1", under=policy(limit=2))

        assert [outcome.reason for outcome in planned.outcomes] == [None, Blocked.RULE_QUOTA_REACHED, None]
        assert len(planned.actions) == 1

    def test_each_reason_is_explained(self) -> None:
        """The docs have a row for each, with what to do."""
        page = (ROOT / "docs" / "cache-rules.md").read_text(encoding="utf-8")
        rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]

        explained = {cells[0].strip(" `"): cells for cells in rows if len(cells) == 3}
        assert set(Blocked) <= explained.keys()
        assert all(all(cell.strip() for cell in explained[reason]) for reason in Blocked)

    def test_a_plan_in_which_all_is_blocked_is_empty(self) -> None:
        """No credential set is made for rules that are not."""
        planned = plan_for(snapshot(sets=(), repositories=("docker-hub/library/nginx",)), "nginx", "ghcr.io/a/b")

        assert planned.actions == ()


class TestIgnored:
    """Failures that are not ours."""

    @pytest.mark.parametrize(
        "cause",
        [
            "abuse_limited",
            "credential_rejected",
            "denied",
            "not_found",
            "network",
            "tls",
            "unknown",
            "kubelet_throttled",
        ],
    )
    def test_only_a_pull_limit_leads_to_a_plan(self, cause: str) -> None:
        """The reason is the cause, and the detail says why it is left alone."""
        planned = plan(snapshot(), [image("nginx", cause=cause)], policy(), registry=REGISTRY)

        assert planned.actions == ()
        assert (planned.outcomes[0].status, planned.outcomes[0].reason) == (Status.IGNORED, cause)
        assert planned.outcomes[0].detail

    def test_a_limited_pull_without_an_image(self) -> None:
        """There is nothing to make a rule for."""
        planned = plan(snapshot(), [image("429 !", cause="rate_limited")], policy(), registry=REGISTRY)

        assert (planned.outcomes[0].status, planned.outcomes[0].reason) == (Status.IGNORED, "no_image")


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
