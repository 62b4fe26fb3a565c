"""What a client reads when a cache rule can't serve its pull."""

import pytest

from sandbox.frame.faults import FaultRule
from sandbox.hub.accounts import Plan
from sandbox.hub.models import Hub
from sandbox.hub.windows import Limit
from sandbox.oci.images import single_image
from sandbox.oci.refusals import PullRefused
from tests.integration.sandbox.registries.acr_support import ADMIN, LOGIN, NGINX, Registry


class TestRefusals:
    """What a client reads when a rule can't serve it."""

    @staticmethod
    async def refused(registry: Registry, image: str) -> PullRefused:
        """Ask for the manifest without looking first, as a client whose HEAD has no body does to learn the words."""
        name, _, tag = image.partition(":")
        async with registry.client() as client:
            remote = client.repository(registry.acr.host, name, credentials=ADMIN)
            with pytest.raises(PullRefused) as refused:
                await remote.manifest(tag)
        return refused.value

    @pytest.mark.usefixtures("rule", "nginx")
    async def test_docker_hubs_limit_names_the_rule(self, hub: Hub, registry: Registry) -> None:
        """429 in ACR's words, with the rule's name and a correlation id."""
        hub.exhaust("contosobot")

        refused = await self.refused(registry, f"{NGINX}:1.27")

        assert (refused.status, refused.code) == (429, "TOOMANYREQUESTS")
        assert refused.message.startswith("too many requests to source registry for cache rule 'docker-hub'.")
        assert f"CorrelationId: {refused.headers['x-ms-correlation-request-id']}" in refused.message

    @pytest.mark.usefixtures("rule", "nginx")
    async def test_the_abuse_limit_reads_the_same(self, hub: Hub, registry: Registry) -> None:
        """ACR's words do not tell the two limits apart."""
        hub.abuse.limit = Limit(0, 60)

        assert (await self.refused(registry, f"{NGINX}:1.27")).status == 429

    @pytest.mark.usefixtures("nginx")
    async def test_wrong_credentials_want_authentication_with_the_source(self, hub: Hub, registry: Registry) -> None:
        """401 with the rule's name."""
        hub.add_account(*LOGIN)
        registry.rules.add("docker-hub", "docker.io/*", "docker-hub/*", ("contosobot", "wrong"))

        refused = await self.refused(registry, f"{NGINX}:1.27")

        assert (refused.status, refused.code) == (401, "UNAUTHORIZED")
        assert refused.message.startswith("authentication required with source registry for cache rule 'docker-hub'")

    async def test_a_rule_without_credentials_is_told_the_same_of_a_private_image(
        self, hub: Hub, registry: Registry
    ) -> None:
        """Nothing was sent, so the source wants authentication."""
        hub.publish("acme/secret", single_image("secret"), tag="1", private=True)
        registry.rules.add("docker-hub", "docker.io/*", "docker-hub/*")

        assert (await self.refused(registry, "docker-hub/acme/secret:1")).status == 401

    @pytest.mark.usefixtures("rule", "nginx")
    async def test_a_missing_library_is_denied(self, registry: Registry) -> None:
        """The mapping is prefix substitution: `docker-hub/nginx` is `docker.io/nginx`, which is not there."""
        refused = await self.refused(registry, "docker-hub/nginx:1.27")

        assert (refused.status, refused.code, refused.message) == (
            403,
            "DENIED",
            "requested access to pull from source 'docker.io/nginx' for cache rule 'docker-hub' has been denied.",
        )

    @pytest.mark.usefixtures("nginx")
    async def test_an_unhealthy_credential_set_reads_like_acrs_own_sign_in(self, registry: Registry) -> None:
        """401 without the rule's name."""
        registry.rules.add("docker-hub", "docker.io/*", "docker-hub/*", "the secret is gone")

        refused = await self.refused(registry, f"{NGINX}:1.27")

        assert refused.status == 401
        assert refused.message.startswith(
            "authentication required, visit https://aka.ms/acr/authorization for more information. CorrelationId: "
        )

    @pytest.mark.usefixtures("rule", "nginx")
    async def test_an_unknown_tag_is_not_found(self, registry: Registry) -> None:
        """404 with the tag in quotes."""
        refused = await self.refused(registry, f"{NGINX}:0")

        assert (refused.status, refused.code, refused.message) == (
            404,
            "MANIFEST_UNKNOWN",
            'manifest tagged by "0" is not found',
        )

    async def test_an_upstream_that_does_not_answer_is_a_failed_dependency(self, registry: Registry) -> None:
        """424 with source and rule; hosts outside the sandbox are never asked."""
        registry.rules.add("quay-io", "quay.io/*", "quay/*")

        refused = await self.refused(registry, "quay/prometheus/node-exporter:v1")

        assert (refused.status, refused.code) == (424, "UNKNOWN")
        assert "from source 'quay.io/prometheus/node-exporter' for cache rule 'quay-io'" in refused.message

    @pytest.mark.usefixtures("rule", "nginx")
    @pytest.mark.parametrize(
        "fault",
        [
            FaultRule(service="hub_registry", drop=True),
            FaultRule(service="hub_registry", status=503),
            FaultRule(service="hub_registry", path="manifests", status=200, body="<html>welcome</html>"),
            FaultRule(service="hub_auth", status=200, body="<html>welcome</html>"),
        ],
        ids=["dropped", "unavailable", "no manifest", "no token"],
    )
    async def test_a_broken_upstream_is_a_failed_dependency(self, registry: Registry, fault: FaultRule) -> None:
        """Whatever comes back instead of an image, nothing of it is kept."""
        registry.faults.add(fault)

        refused = await self.refused(registry, f"{NGINX}:1.27")
        await registry.acr.cache.settle()

        assert (refused.status, refused.code) == (424, "UNKNOWN")
        assert registry.acr.repositories("contoso") == frozenset()

    async def test_a_repository_without_a_rule_is_not_found(self, registry: Registry) -> None:
        """Also while the rule exists already but is not honoured yet."""
        assert (await self.refused(registry, f"{NGINX}:1.27")).status == 404

    @pytest.mark.usefixtures("nginx")
    async def test_a_paid_account_is_never_limited(self, hub: Hub, registry: Registry) -> None:
        """Its window can't be exhausted."""
        account = hub.add_account(*LOGIN, plan=Plan.BUSINESS)
        registry.rules.add("docker-hub", "docker.io/*", "docker-hub/*", LOGIN)
        hub.exhaust(account.id)

        await registry.pull(f"{NGINX}:1.27")
