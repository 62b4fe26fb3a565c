"""Cache rules as the registry SDK meets them."""

from itertools import count
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient

from sandbox.arm.bodies import RuleBody, RuleProperties
from tests.integration.sandbox.cloud.support import (
    GROUP,
    REGISTRY,
    Cloud,
    add_rule,
    add_set,
    refusal_of,
    rule_body,
    set_body,
)

_numbers = count()


async def refusal(
    client: ContainerRegistryManagementClient,
    source: str,
    target: str,
    credential_set: str | None = None,
    *,
    name: str | None = None,
) -> tuple[int | None, str | None]:
    """Status and code with which a new rule is refused."""
    with pytest.raises(HttpResponseError) as caught:
        await add_rule(client, name or f"rule-{next(_numbers):04d}", source, target, credential_set)
    return refusal_of(caught.value)


async def _quay_set(cloud: Cloud, client: ContainerRegistryManagementClient) -> str:
    body = set_body(cloud, login_server="quay.io")
    await (await client.credential_sets.begin_create(GROUP, REGISTRY, "quay-set", body)).result()
    return cloud.credential_set_id("quay-set")


async def _patch(client: ContainerRegistryManagementClient, name: str, body: dict[str, Any]) -> str | None:
    rule = await (await client.cache_rules.begin_update(GROUP, REGISTRY, name, body)).result()
    credential_set: str | None = rule.credential_set_resource_id
    return credential_set


class TestLife:
    """From creation to deletion."""

    async def test_created_rule_ends_succeeded(self, cloud: Cloud) -> None:
        """A new rule is created by an operation and comes back with what was asked for."""
        async with cloud.registries() as client:
            await add_set(cloud, client)
            wanted = cloud.credential_set_id("docker-hub")
            rule = await add_rule(client, "nginx-rule", "docker.io/library/nginx", "docker-hub/library/nginx", wanted)

        created = cloud.exchanges.exchanges("arm", method="PUT", path="cacheRules")[0]
        assert (created.status, created.response_body["properties"]["provisioningState"]) == (201, "Creating")
        assert (
            "/cacheRules/nginx-rule/operationStatuses/cacherules-" in created.response_headers["Azure-AsyncOperation"]
        )
        assert (rule.name, rule.type) == ("nginx-rule", "Microsoft.ContainerRegistry/registries/cacheRules")
        assert (rule.source_repository, rule.target_repository) == (
            "docker.io/library/nginx",
            "docker-hub/library/nginx",
        )
        assert (rule.credential_set_resource_id, rule.provisioning_state) == (wanted, "Succeeded")

    async def test_operation_takes_as_many_polls_as_set(self, cloud: Cloud) -> None:
        """With `operation_polls` that many polls find the operation running."""
        cloud.arm.settings.operation_polls = 3
        async with cloud.registries() as client:
            rule = await add_rule(client, "quay-rule", "quay.io/org/app", "quay/app")

        polls = cloud.exchanges.exchanges("arm", path="operationStatuses")
        assert [poll.response_body["status"] for poll in polls] == ["Creating", "Creating", "Creating", "Succeeded"]
        assert rule.provisioning_state == "Succeeded"

    async def test_operation_lasts_as_long_as_set(self, cloud: Cloud) -> None:
        """With `operation_delay_s` a rule is being created until the time is over, polled or not."""
        cloud.arm.settings.operation_delay_s = 60
        async with cloud.registries() as client:
            await client.cache_rules.begin_create(GROUP, REGISTRY, "quay-rule", rule_body("quay.io/o/a", "quay/a"))
            before = await client.cache_rules.get(GROUP, REGISTRY, "quay-rule")
            with pytest.raises(ResourceExistsError) as busy:
                await add_rule(client, "quay-rule", "quay.io/o/a", "quay/a")
            cloud.clock.advance(60)
            after = await client.cache_rules.get(GROUP, REGISTRY, "quay-rule")

        assert (before.provisioning_state, after.provisioning_state) == ("Creating", "Succeeded")
        assert refusal_of(busy.value) == (409, "AnotherOperationInProgress")

    async def test_operation_that_fails_says_so_with_status_200(self, cloud: Cloud) -> None:
        """A failed operation is answered with 200 and its error, and leaves the rule behind as failed."""
        cloud.arm.operations.fail_next("cacheRules", "UpstreamUnreachable", "quay.io did not answer.")
        async with cloud.registries() as client:
            failed = await refusal(client, "quay.io/org/app", "quay/app", name="quay-rule")
            left = await client.cache_rules.get(GROUP, REGISTRY, "quay-rule")
            again = await add_rule(client, "quay-rule", "quay.io/org/app", "quay/app")

        assert failed == (200, "UpstreamUnreachable")
        assert (left.provisioning_state, again.provisioning_state) == ("Failed", "Succeeded")

    async def test_refusal_can_come_as_failed_operation(self, cloud: Cloud) -> None:
        """A code in `asynchronous` is not refused at once but by the operation."""
        cloud.arm.settings.asynchronous.add("TargetRepositoryAlreadyPresentInRegistry")
        cloud.repositories.names.add("quay/app")
        async with cloud.registries() as client:
            failed = await refusal(client, "quay.io/org/app", "quay/app")

        assert failed == (200, "TargetRepositoryAlreadyPresentInRegistry")

    async def test_delete_is_accepted_and_then_done(self, cloud: Cloud) -> None:
        """An owner deletes a rule; deleting it again finds nothing to do."""
        cloud.arm.settings.operation_polls = 1
        async with cloud.registries(cloud.owner) as client:
            await add_rule(client, "quay-rule", "quay.io/org/app", "quay/app")
            for _ in range(2):
                await (await client.cache_rules.begin_delete(GROUP, REGISTRY, "quay-rule")).result()
            with pytest.raises(ResourceNotFoundError) as missing:
                await client.cache_rules.get(GROUP, REGISTRY, "quay-rule")

        deleted = cloud.exchanges.exchanges("arm", method="DELETE")
        assert [one.status for one in deleted] == [202, 204]
        assert refusal_of(missing.value) == (404, "ResourceNotFound")

    async def test_failed_delete_is_a_conflict(self, cloud: Cloud) -> None:
        """A deletion that fails shows as an error at its location, and the rule stays."""
        async with cloud.registries(cloud.owner) as client:
            await add_rule(client, "quay-rule", "quay.io/org/app", "quay/app")
            cloud.arm.operations.fail_next("cacheRules", "Conflict", "Not now.")
            with pytest.raises(HttpResponseError) as failed:
                await (await client.cache_rules.begin_delete(GROUP, REGISTRY, "quay-rule")).result()
            rule = await client.cache_rules.get(GROUP, REGISTRY, "quay-rule")

        assert failed.value.status_code == 409
        assert rule.provisioning_state == "Succeeded"

    async def test_list_comes_in_pages(self, cloud: Cloud) -> None:
        """A list longer than a page is read to its end by its next links, whose tokens no check takes for secrets."""
        cloud.arm.settings.page_size = 2
        async with cloud.registries() as client:
            for number in range(5):
                await add_rule(client, f"rule-{number}", f"quay.io/org/a{number}", f"quay/a{number}")
            names = [rule.name async for rule in client.cache_rules.list(GROUP, REGISTRY)]

        assert names == [f"rule-{number}" for number in range(5)]
        lists = cloud.exchanges.exchanges("arm", method="GET", path=r"/cacheRules\?")
        assert [len(page.response_body["value"]) for page in lists] == [2, 2, 1]
        assert "nextLink" not in lists[-1].response_body


class TestOverwriting:
    """PUT and PATCH on a rule that exists."""

    async def test_put_silently_changes_the_credential_set(self, cloud: Cloud) -> None:
        """The same source and target with another credential set overwrite it at once."""
        async with cloud.registries() as client:
            await add_set(cloud, client, "first-set")
            await add_set(cloud, client, "second-set")
            arguments = ("nginx-rule", "docker.io/library/nginx", "hub/nginx")
            await add_rule(client, *arguments, cloud.credential_set_id("first-set"))
            cloud.repositories.names.add("hub/nginx")
            rule = await add_rule(client, *arguments, cloud.credential_set_id("second-set"))

        assert rule.credential_set_resource_id == cloud.credential_set_id("second-set")
        assert [one.status for one in cloud.exchanges.exchanges("arm", method="PUT", path="nginx-rule")] == [201, 200]

    @pytest.mark.parametrize(("source", "target"), [("quay.io/o/b", "quay/a"), ("quay.io/o/a", "quay/b")])
    async def test_put_never_changes_source_or_target(self, cloud: Cloud, source: str, target: str) -> None:
        """Another source or target under the same name is refused."""
        async with cloud.registries() as client:
            await add_rule(client, "quay-rule", "quay.io/o/a", "quay/a")
            refused = await refusal(client, source, target, name="quay-rule")

        assert refused == (409, "CacheRuleImmutable")

    async def test_names_know_no_case(self, cloud: Cloud) -> None:
        """A name in other letters is the same rule."""
        async with cloud.registries() as client:
            await add_rule(client, "Quay-Rule", "quay.io/o/a", "quay/a")
            rule = await client.cache_rules.get(GROUP.upper(), REGISTRY, "quay-rule")

        assert rule.name == "Quay-Rule"

    async def test_patch_tells_absent_from_null(self, cloud: Cloud) -> None:
        """A patch without the property changes nothing, one with null takes the credentials away."""
        async with cloud.registries() as client:
            quay = await _quay_set(cloud, client)
            await add_rule(client, "quay-rule", "quay.io/o/a", "quay/a", quay)
            kept = await _patch(client, "quay-rule", {"properties": {}})
            taken = await _patch(client, "quay-rule", {"properties": {"credentialSetResourceId": None}})
            given = await _patch(client, "quay-rule", {"properties": {"credentialSetResourceId": quay}})

        assert (kept, taken, given) == (quay, None, quay)

    async def test_docker_hub_rule_keeps_its_credentials(self, cloud: Cloud) -> None:
        """Null is refused for a rule that can't do without."""
        async with cloud.registries() as client:
            await add_set(cloud, client)
            await add_rule(client, "hub-rule", "docker.io/o/a", "hub/a", cloud.credential_set_id("docker-hub"))
            with pytest.raises(HttpResponseError) as caught:
                await _patch(client, "hub-rule", {"properties": {"credentialSetResourceId": None}})

        assert refusal_of(caught.value) == (400, "EnforceDockerAuthentication")

    async def test_failed_patch_changes_nothing(self, cloud: Cloud) -> None:
        """An update that is accepted and then fails leaves the rule as it was."""
        async with cloud.registries() as client:
            await add_rule(client, "quay-rule", "quay.io/o/a", "quay/a")
            quay = await _quay_set(cloud, client)
            cloud.arm.operations.fail_next("cacheRules", "Conflict", "Not now.")
            with pytest.raises(HttpResponseError) as caught:
                await _patch(client, "quay-rule", {"properties": {"credentialSetResourceId": quay}})
            rule = await client.cache_rules.get(GROUP, REGISTRY, "quay-rule")

        assert refusal_of(caught.value) == (200, "Conflict")
        assert (rule.credential_set_resource_id, rule.provisioning_state) == (None, "Succeeded")

    async def test_patch_never_changes_source(self, cloud: Cloud) -> None:
        """A patch that names a source is refused."""
        async with cloud.registries() as client:
            await add_rule(client, "quay-rule", "quay.io/o/a", "quay/a")
            with pytest.raises(HttpResponseError) as caught:
                await _patch(client, "quay-rule", {"properties": {"sourceRepository": "quay.io/o/b"}})

        assert refusal_of(caught.value) == (409, "CacheRuleImmutable")


class TestRefusals:
    """What ACR refuses of a new rule."""

    @pytest.mark.parametrize(
        ("source", "target", "expected"),
        [
            ("quay.io/org/app:1.0", "quay/app", (400, "GenericRepositoryNameInvalid")),
            ("quay.io/org/app", "Quay/app", (400, "GenericRepositoryNameInvalid")),
            ("quay.io/org/app@sha256:0", "quay/app", (400, "GenericRepositoryNameInvalid")),
            ("quay.io", "quay/app", (400, "GenericRepositoryNameInvalid")),
            ("quay.io/org/app", "quay//app", (400, "GenericRepositoryNameInvalid")),
            ("quay.io/*/app", "quay/*", (400, "CacheRuleWildcardInvalid")),
            ("quay.io/org/app*", "quay/*", (400, "CacheRuleWildcardInvalid")),
            ("quay.io/org/*", "quay/app", (400, "CacheRuleWildcardInvalid")),
            ("quay.io/org/app", "quay/*", (400, "CacheRuleWildcardInvalid")),
            ("docker.elastic.co/org/app", "elastic/app", (400, "UpstreamNotSupported")),
            ("docker.io/library/nginx", "hub/nginx", (400, "EnforceDockerAuthentication")),
            ("registry.redhat.io/ubi9/ubi", "redhat/ubi", (400, "EnforceUpstreamAuthentication")),
            ("other.azurecr.io/app", "other/app", (400, "EnforceUpstreamAuthentication")),
        ],
    )
    async def test_without_credentials(self, cloud: Cloud, source: str, target: str, expected: tuple[int, str]) -> None:
        """Paths, wildcards and upstreams that ACR doesn't take."""
        async with cloud.registries() as client:
            assert await refusal(client, source, target) == expected

    async def test_credentials_have_to_fit(self, cloud: Cloud) -> None:
        """A rule takes a credential set of its own registry and upstream only."""
        async with cloud.registries() as client:
            await add_set(cloud, client)
            docker = cloud.credential_set_id("docker-hub")
            refused = [
                await refusal(client, "quay.io/org/app", "quay/app", docker),
                await refusal(client, "mcr.microsoft.com/app", "mcr/app", docker),
                await refusal(client, "docker.io/o/a", "hub/a", cloud.credential_set_id("absent")),
                await refusal(client, "docker.io/o/a", "hub/a", docker.replace("/contoso/", "/fabrikam/")),
            ]

        assert [code for _, code in refused] == [
            "CredentialSetLoginServerMismatch",
            "UpstreamAuthenticationNotSupported",
            "CredentialSetNotFound",
            "CredentialSetNotFound",
        ]

    async def test_identity_is_a_preview(self, cloud: Cloud) -> None:
        """A rule with an identity, as registries of Azure need it, is refused without the preview feature."""
        body = {
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/x": {}}},
            "properties": {"sourceRepository": "other.azurecr.io/app", "targetRepository": "other/app"},
        }
        async with cloud.registries() as client:
            with pytest.raises(HttpResponseError) as caught:
                await client.cache_rules.begin_create(GROUP, REGISTRY, "other-rule", body)

        assert refusal_of(caught.value) == (400, "CannotCreateCacheRuleWithManagedIdentity")

    @pytest.mark.parametrize("name", ["abcd", "a" * 51, "under_score", "with.dot"])
    async def test_names(self, cloud: Cloud, name: str) -> None:
        """A name has 5 to 50 letters, digits and hyphens."""
        async with cloud.registries() as client:
            assert await refusal(client, "quay.io/org/app", "quay/app", name=name) == (400, "InvalidResourceName")

    async def test_existing_repositories(self, cloud: Cloud) -> None:
        """A static rule over a repository and a wildcard rule over any below it are refused, in ACR's words."""
        cloud.repositories.names |= {"mise", "deep/er/repo", "prefix-only/x"}
        async with cloud.registries() as client:
            with pytest.raises(ResourceExistsError) as static:
                await add_rule(client, "mise-rule", "quay.io/org/mise", "mise")
            with pytest.raises(ResourceExistsError) as wildcard:
                await add_rule(client, "deep-rule", "quay.io/org/*", "deep/*")
            everything = await refusal(client, "quay.io/*", "*")
            beside = await add_rule(client, "beside-rule", "quay.io/org/*", "prefix/*")

        assert static.value.error is not None
        assert static.value.error.message == (
            "Conflict: Target repository 'mise' is already present in registry. Cache rules cannot be created for "
            "existing repositories in registry. For more information, please visit https://aka.ms/acr/cache"
        )
        assert refusal_of(wildcard.value) == (409, "TargetRepositoryPrefixMatchesExistingRegistries")
        assert everything == (409, "TargetRepositoryPrefixMatchesExistingRegistries")
        assert beside.provisioning_state == "Succeeded"

    async def test_overlap_is_a_matter_of_targets(self, cloud: Cloud) -> None:
        """Nested wildcards and equal targets are refused; a static rule under a wildcard is not."""
        async with cloud.registries() as client:
            await add_rule(client, "dotnet-all", "mcr.microsoft.com/dotnet/*", "library/dotnet/*")
            await add_rule(client, "dotnet-one", "quay.io/org/sdk", "library/dotnet/sdk")
            refused = [
                await refusal(client, "quay.io/*", "library/*"),
                await refusal(client, "quay.io/org/*", "library/dotnet/aspnet/*"),
                await refusal(client, "quay.io/org/*", "library/dotnet/*"),
                await refusal(client, "ghcr.io/org/sdk", "library/dotnet/sdk"),
                await refusal(client, "quay.io/*", "*"),
            ]
            await add_rule(client, "same-source", "mcr.microsoft.com/dotnet/*", "elsewhere/*")

        assert refused == [(409, "CacheRuleOverlapsExistingRule")] * 5

    async def test_a_thousand_rules(self, cloud: Cloud) -> None:
        """The rule after the thousandth is refused."""
        for number in range(1000):
            properties = RuleProperties("quay.io/org/app", f"quay/a{number}")
            cloud.arm.cache_rules.put(cloud.registry, f"rule-{number:04d}", RuleBody(properties))
        async with cloud.registries() as client:
            refused = await refusal(client, "quay.io/org/app", "quay/last", name="rule-1000")

        assert refused == (409, "CacheRuleQuotaReached")

    async def test_missing_parent(self, cloud: Cloud) -> None:
        """A rule of a registry that doesn't exist has no parent, and a registry in a missing group is not found."""
        async with cloud.registries(cloud.owner) as client:
            with pytest.raises(ResourceNotFoundError) as parent:
                await client.cache_rules.begin_create(GROUP, "fabrikam", "quay-rule", rule_body("quay.io/a/b", "a/b"))
            with pytest.raises(ResourceNotFoundError) as group:
                await client.cache_rules.get("nowhere", REGISTRY, "quay-rule")

        assert refusal_of(parent.value) == (404, "ParentResourceNotFound")
        assert refusal_of(group.value) == (404, "ResourceGroupNotFound")


class TestDataPlane:
    """What the registry's data plane gets to know."""

    async def test_rule_is_honoured_after_the_delay(self, cloud: Cloud) -> None:
        """A new rule is in the rule book only after `rule_delay_s`."""
        cloud.arm.settings.rule_delay_s = 90
        async with cloud.registries() as client:
            await add_rule(client, "quay-rule", "quay.io/o/a", "quay/a")
            at_once = [rule.name for rule in cloud.arm.rules(REGISTRY)]
            cloud.clock.advance(90)
            later = [rule.name for rule in cloud.arm.rules(REGISTRY)]

        assert (at_once, later) == ([], ["quay-rule"])

    async def test_rule_without_credential_set_has_no_credentials(self, cloud: Cloud) -> None:
        """An anonymous rule pulls anonymously."""
        async with cloud.registries() as client:
            await add_rule(client, "quay-rule", "quay.io/o/a", "quay/a")

        assert await cloud.arm.credentials(REGISTRY, "quay-rule") is None
