"""Plans for images that a rule serves, or should: what is there already, and failures that name a rule."""

from pathlib import Path

import msgspec

from shared.domain.cache_rules import CacheRule
from shared.domain.planner import plan
from shared.domain.plans import (
    AttachCredentialSet,
    Blocked,
    PlannedImage,
    Status,
)
from shared.domain.policy import UpstreamPolicy
from tests.planning import (
    FOREIGN,
    REGISTRY,
    image,
    outcome_for,
    plan_for,
    policy,
    snapshot,
)

NGINX = CacheRule("nginx-rule", "docker.io/library/nginx", "docker-hub/library/nginx", "our-set")
DIGEST = "sha256:" + "a" * 64
ROOT = Path(__file__).resolve().parents[3]


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
