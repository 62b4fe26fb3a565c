"""What people and programs hand to a plan."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.plan_diff import PlanDiff, plan_diff
from shared.domain.planned_images import planned_image
from shared.domain.plans import Plan
from tests.planning import plan_for, snapshot

RULE_LIMITED = "toomanyrequests: too many requests to source registry for cache rule 'hub-nginx'."
LIMITED = (
    'Failed to pull image "nginx:1.27": toomanyrequests: You have reached your pull rate limit. You may increase the '
    "limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"
)


def explained(cause: str, image: object = None, cache_rule: str | None = None) -> str:
    """A line of `explain --jsonl`."""
    return json.dumps(
        {"cause": cause, "rate_limited": False, "image": image, "cache_rule": cache_rule, "runtime": "unknown"}
    )


class TestPlannedImage:
    """One line, one image."""

    def test_a_reference(self) -> None:
        """Has no cause: a bare reference counts as rate-limited."""
        image = planned_image("  nginx:1.27 \n")

        assert (str(image.reference), image.cause) == ("docker.io/library/nginx:1.27", None)

    def test_a_failure_text(self) -> None:
        """With its cause, plain or in a JSON object."""
        for line in (LIMITED, json.dumps({"text": LIMITED})):
            image = planned_image(line)
            assert (str(image.reference), image.cause) == ("docker.io/library/nginx:1.27", "rate_limited")

    def test_a_failure_through_a_rule(self) -> None:
        """The rule stands for the image that the text does not name."""
        image = planned_image(RULE_LIMITED)

        assert (image.reference, image.cause, image.cache_rule) == (None, "rate_limited", "hub-nginx")

    def test_an_explained_line(self) -> None:
        """What `explain --jsonl` wrote, tag and digest included."""
        parts = {"registry": "docker.io", "repository": "library/nginx", "tag": "1.27", "digest": "sha256:" + "a" * 64}
        image = planned_image(explained("rate_limited", parts))

        assert str(image.reference) == f"docker.io/library/nginx:1.27@{parts['digest']}"
        assert planned_image(explained("rate_limited", cache_rule="hub-nginx")).cache_rule == "hub-nginx"
        assert planned_image(explained("tls")).cause == "tls"

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "neither this nor that",
            "{",
            "{}",
            "[" * 5000,
            '{"cause": "no such cause"}',
            explained("rate_limited", {"registry": 1}),
            '{"reference": 1}',
            '{"reference": "UPPER:x y"}',
        ],
    )
    def test_what_is_neither(self, line: str) -> None:
        """Has no reference, and the plan will say so."""
        assert planned_image(line).reference is None

    @given(st.text(max_size=100))
    def test_any_line(self, line: str) -> None:
        """Gives an image."""
        assert planned_image(line) is not None


class TestPlanDiff:
    """What changed between two plans."""

    def test_the_same_plan_has_no_difference(self) -> None:
        """Whatever the order of the failures and the words of explanations."""
        one, other = plan_for(snapshot(), "nginx", "redis"), plan_for(snapshot(), "redis", "nginx")

        assert plan_diff(one, other) == PlanDiff()

    def test_added_removed_and_changed(self) -> None:
        """From nothing everything is added, to nothing everything is removed."""
        some = plan_for(snapshot(), "nginx")

        assert plan_diff(Plan(), some).added == some.actions
        assert plan_diff(some, Plan()).removed == some.actions
        assert [change.image for change in plan_diff(some, Plan()).outcomes] == ["docker.io/library/nginx"]
