"""Explanations: a sentence, whose limit, what we would do, and what a person can do."""

import pytest

from shared.domain.diagnosis import Cause
from shared.domain.explanation import explain
from tests.fixtures.failure_texts import ANONYMOUS, LIMITED_TEMPO, kubelet, refused_head

BY_CAUSE = {
    Cause.RATE_LIMITED: LIMITED_TEMPO,
    Cause.ABUSE_LIMITED: 'Head "https://registry-1.docker.io/v2/library/node/manifests/20": Too Many Requests (HAP429)',
    Cause.CREDENTIAL_REJECTED: 'Get "https://registry-1.docker.io/v2/": unauthorized: personal access token is expired',
    Cause.DENIED: "pull access denied for acme/app, repository does not exist or may require 'docker login'",
    Cause.NOT_FOUND: "manifest for acme/app:1 not found: manifest unknown",
    Cause.UPSTREAM_UNAVAILABLE: 'Head "https://ghcr.io/v2/a/b/manifests/1": 503 Service Unavailable',
    Cause.NETWORK: 'Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host',
    Cause.TLS: 'Head "https://r.example/v2/a/b/manifests/1": x509: certificate signed by unknown authority',
    Cause.KUBELET_THROTTLED: 'Failed to pull image "a/b:1": pull QPS exceeded',
    Cause.AZURE_THROTTLED: '{"error":{"code":"TooManyRequests","message":"The request is being throttled."}}',
    Cause.REGISTRY_THROTTLED: kubelet("quay.io/a/b:1", "quay.io/a/b:1", refused_head("quay.io/a/b:1")),
    Cause.UNKNOWN: 'Back-off pulling image "a/b:1"',
}


class TestExplain:
    """`explain`."""

    @pytest.mark.parametrize("cause", list(Cause))
    def test_has_words_for_every_cause(self, cause: Cause) -> None:
        """A sentence, what we would do, and at least one thing to do by hand."""
        found = explain(BY_CAUSE[cause])

        assert found.diagnosis.cause is cause
        assert found.summary.endswith(".")
        assert found.does.endswith(".")
        assert found.by_hand

    def test_gives_the_command_and_the_new_reference(self) -> None:
        """Only placeholders are left to fill in."""
        found = explain(LIMITED_TEMPO)

        [command] = found.commands
        assert command.startswith("az acr cache create ")
        assert "-s docker.io/grafana/tempo -t docker-hub/grafana/tempo" in command
        assert command.endswith("-c '<credential-set>'")
        assert found.pull_from == "<registry>.azurecr.io/docker-hub/grafana/tempo:2.4"
        assert found.by_hand[-1].endswith("docker-hub/grafana/tempo:2.4")

    def test_creates_nothing_where_a_rule_is_there(self) -> None:
        """The upstream's limit was met through the rule, so the rule's credentials are what to look at."""
        found = explain("toomanyrequests: too many requests to source registry for cache rule 'hub-nginx'.")

        assert found.commands == ()
        assert found.pull_from is None
        assert "hub-nginx" in (found.whose or "")
        assert "credential" in found.does

    def test_names_no_rule_without_an_image(self) -> None:
        """There is nothing to make one for."""
        found = explain(ANONYMOUS)

        assert (found.commands, found.pull_from) == ((), None)
        assert "anonymous" in str(found.diagnosis.limit)

    @pytest.mark.parametrize(
        ("image", "words"), [("quay.io/a/b:1", "quay.io"), ("contoso.azurecr.io/a/b:1", "container registry itself")]
    )
    def test_tells_another_registrys_limit_from_docker_hubs(self, image: str, words: str) -> None:
        """And does not offer a cure that cures nothing."""
        found = explain(kubelet(image, image, refused_head(image)))

        assert words in found.summary
        assert found.commands == ()

    def test_calls_a_push_a_push(self) -> None:
        """No cache helps those who write."""
        found = explain(
            "error pushing image: failed to push to destination docker.io/a/b:1: TOOMANYREQUESTS: slow down"
        )

        assert "push" in found.summary
        assert not found.diagnosis.rate_limited
