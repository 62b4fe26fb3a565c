"""Plans that refuse: each reason that blocks an image, and failures that are not ours."""

from pathlib import Path

import msgspec
import pytest

from shared.domain.cache_rules import CacheRule
from shared.domain.planner import plan
from shared.domain.plans import (
    Blocked,
    Status,
)
from shared.domain.policy import Granularity, UpstreamPolicy
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
