"""Resource Manager's own: tokens, versions, rights, throttling, and finding resources."""

from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from sandbox.arm.throttling import RequestKind
from sandbox.identity.tokens import TENANT_ID, TokenAuthority
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.cloud.support import (
    GROUP,
    REGISTRY,
    SUBSCRIPTION,
    Cloud,
    PrincipalCredential,
    add_rule,
    refusal_of,
)

SUBSCRIPTION_PATH = f"/subscriptions/{SUBSCRIPTION}"
RESOURCES = SUBSCRIPTION_PATH + "/resources"


async def ask(cloud: Cloud, path: str, *, token: str | None = None, **query: str) -> tuple[int, Any]:
    """A request without the SDK, as the product unless there is another token."""
    if token is None:
        token = (await cloud.credential().get_token("https://management.azure.com/.default")).token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(cloud.arm_service.base_url + path, params=query, headers=headers) as response,
    ):
        return response.status, await response.json()


def _token(
    authority: TokenAuthority, cloud: Cloud, *, audience: str = "https://management.azure.com", lifetime_s: int = 60
) -> str:
    return authority.issue(audience=audience, principal_id=cloud.app.object_id, client_id="c", lifetime_s=lifetime_s)


def code_of(answer: tuple[int, Any]) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer[0], answer[1]["error"]["code"]


class TestTokens:
    """Who calls."""

    async def test_no_token(self, cloud: Cloud) -> None:
        """A request without a token is told where to get one."""
        answer = await ask(cloud, "/subscriptions", token="", **{"api-version": "2022-12-01"})

        assert code_of(answer) == (401, "AuthenticationFailed")
        headers = cloud.exchanges.exchanges("arm")[0].response_headers
        assert TENANT_ID in headers["WWW-Authenticate"]

    @pytest.mark.parametrize("slash", ["", "/"])
    @pytest.mark.parametrize("audience", ["https://management.azure.com", "https://management.core.windows.net"])
    async def test_both_audiences(self, cloud: Cloud, audience: str, slash: str) -> None:
        """Tokens for ARM's new and old address are taken, with and without a slash."""
        token = cloud.authority.issue(audience=audience + slash, principal_id=cloud.app.object_id, client_id="c")
        status, _ = await ask(cloud, "/subscriptions", token=token, **{"api-version": "2022-12-01"})

        assert status == 200

    async def test_bad_tokens(self, cloud: Cloud) -> None:
        """A token for another service, an old one and a stranger's are refused in ARM's words."""
        wrong = _token(cloud.authority, cloud, audience="https://vault.azure.net")
        strange = _token(TokenAuthority(clock=cloud.clock.now), cloud)
        old = _token(cloud.authority, cloud, lifetime_s=1)
        cloud.clock.advance(2)
        codes = [
            code_of(await ask(cloud, "/subscriptions", token=token, **{"api-version": "2022-12-01"}))
            for token in (wrong, strange, old)
        ]

        assert codes == [
            (401, "InvalidAuthenticationTokenAudience"),
            (401, "InvalidAuthenticationToken"),
            (401, "ExpiredAuthenticationToken"),
        ]

    async def test_sdk_takes_a_refused_token_for_a_failed_sign_in(self, cloud: Cloud) -> None:
        """The SDK raises its authentication error."""
        stranger = PrincipalCredential(TokenAuthority(clock=cloud.clock.now), cloud.app)
        async with cloud.registries(credential=stranger) as client:
            with pytest.raises(ClientAuthenticationError) as caught:
                await client.registries.get(GROUP, REGISTRY)

        assert refusal_of(caught.value) == (401, "InvalidAuthenticationToken")


class TestRights:
    """What the product may do."""

    async def test_product_may_not_delete(self, cloud: Cloud) -> None:
        """The product's role has no deletion, and ARM names the action and the scope."""
        async with cloud.registries() as client:
            await add_rule(client, "quay-rule", "quay.io/o/a", "quay/a")
            with pytest.raises(HttpResponseError) as caught:
                await client.cache_rules.begin_delete(GROUP, REGISTRY, "quay-rule")

        assert refusal_of(caught.value) == (403, "AuthorizationFailed")
        assert caught.value.error is not None
        assert caught.value.error.message == (
            f"The client '{cloud.app.object_id}' with object id '{cloud.app.object_id}' does not have authorization to "
            "perform action 'Microsoft.ContainerRegistry/registries/cacheRules/delete' over scope "
            f"'{cloud.registry.id}/cacheRules/quay-rule' or the scope is invalid. If access was recently granted, "
            "please refresh your credentials."
        )

    async def test_stranger_may_nothing(self, cloud: Cloud) -> None:
        """Somebody without a role reads nothing, and learns nothing about what exists."""
        async with cloud.registries(cloud.directory.create("stranger")) as client:
            for name in (REGISTRY, "absent"):
                with pytest.raises(HttpResponseError) as caught:
                    await client.registries.get(GROUP, name)
                assert refusal_of(caught.value) == (403, "AuthorizationFailed")


class TestVersions:
    """api-version."""

    @pytest.mark.parametrize("version", ["2025-11-01", "2026-09-01-preview"])
    async def test_served(self, cloud: Cloud, version: str) -> None:
        """The SDK's version and the newer one of the command line are served."""
        status, body = await ask(cloud, f"{cloud.registry.id}/cacheRules", **{"api-version": version})

        assert (status, body) == (200, {"value": []})

    async def test_others_are_refused(self, cloud: Cloud) -> None:
        """A missing or another version is refused in ARM's words."""
        path = f"{cloud.registry.id}/cacheRules"
        missing = await ask(cloud, path)
        other = await ask(cloud, path, **{"api-version": "2023-07-01"})
        own = await ask(cloud, "/subscriptions", **{"api-version": "1999-01-01"})

        assert code_of(missing) == (400, "MissingApiVersionParameter")
        assert code_of(other) == (400, "NoRegisteredProviderFound")
        assert "The supported api-versions are '2025-11-01, 2026-09-01-preview'." in other[1]["error"]["message"]
        assert code_of(own) == (400, "InvalidApiVersionParameter")


class TestThrottling:
    """Token buckets."""

    async def test_reads_run_out_and_come_back(self, cloud: Cloud) -> None:
        """After 250 reads at once the next is refused with Retry-After, and a second later 25 more pass."""
        for _ in range(250):
            cloud.arm.throttle.take(cloud.app.object_id, SUBSCRIPTION, RequestKind.READ)
        path = f"{cloud.registry.id}/cacheRules"
        refused = await ask(cloud, path, **{"api-version": "2025-11-01"})
        cloud.clock.advance(1)
        passed = await ask(cloud, path, **{"api-version": "2025-11-01"})

        assert code_of(refused) == (429, "SubscriptionRequestsThrottled")
        first, second = cloud.exchanges.exchanges("arm")
        assert first.response_headers["Retry-After"] == "1"
        assert passed[0] == 200
        assert second.response_headers["x-ms-ratelimit-remaining-subscription-reads"] == "24"

    async def test_principals_and_kinds_have_buckets_of_their_own(self, cloud: Cloud) -> None:
        """One caller's reads take nothing from its writes or from another caller's reads."""
        for _ in range(250):
            cloud.arm.throttle.take(cloud.app.object_id, SUBSCRIPTION, RequestKind.READ)

        assert cloud.arm.throttle.take(cloud.app.object_id, SUBSCRIPTION, RequestKind.WRITE) == 199
        assert cloud.arm.throttle.take(cloud.app.object_id, SUBSCRIPTION, RequestKind.DELETE) == 199
        assert cloud.arm.throttle.take(cloud.owner.object_id, SUBSCRIPTION, RequestKind.READ) == 249


class TestFinding:
    """Registries and other resources."""

    async def test_registries(self, cloud: Cloud) -> None:
        """A registry is read by name and listed by group and by subscription, with its login server."""
        cloud.registry.login_server = "localhost:5000"
        async with cloud.registries(cloud.owner) as client:
            one = await client.registries.get(GROUP, REGISTRY)
            by_group = [each.name async for each in client.registries.list_by_resource_group(GROUP)]
            everything = [each.id async for each in client.registries.list()]

        assert (one.login_server, one.location) == ("localhost:5000", "westeurope")
        assert one.sku is not None
        assert one.sku.name == "Standard"
        assert (by_group, everything) == ([REGISTRY], [cloud.registry.id])

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("", ["contoso-kv", "contoso"]),
            ("resourceType eq 'Microsoft.KeyVault/vaults'", ["contoso-kv"]),
            ("resourceType eq 'microsoft.keyvault/VAULTS' and name eq 'CONTOSO-KV'", ["contoso-kv"]),
            ("name eq 'other'", []),
            ("resourceGroup eq 'rg' and name eq 'contoso'", ["contoso"]),
        ],
    )
    async def test_resources_by_filter(self, cloud: Cloud, query: str, names: list[str]) -> None:
        """The filter finds resources without regard to case; what the caller may not read is left out."""
        asked = {"api-version": "2021-04-01"} | ({"$filter": query} if query else {})
        status, body = await ask(cloud, RESOURCES, **asked)

        assert (status, [one["name"] for one in body["value"]]) == (200, names)
        assert all("properties" not in one for one in body["value"])

    async def test_unknown_filter(self, cloud: Cloud) -> None:
        """A filter of another form is refused and not ignored."""
        answer = await ask(cloud, RESOURCES, **{"api-version": "2021-04-01", "$filter": "tagName eq 'x'"})

        assert code_of(answer) == (400, "InvalidFilterInQueryString")

    async def test_resource_by_id(self, cloud: Cloud) -> None:
        """A vault is read by its id and says its address; one outside the caller's roles is nobody's to see."""
        found = await ask(cloud, cloud.vault.resource_id.lower(), **{"api-version": "2023-07-01"})
        missing = await ask(cloud, cloud.vault.resource_id + "x", **{"api-version": "2023-07-01"})

        assert (found[0], found[1]["id"]) == (200, cloud.vault.resource_id)
        assert found[1]["properties"]["vaultUri"] == f"{cloud.vault_service.base_url}/"
        assert code_of(missing) == (403, "AuthorizationFailed")

    async def test_doubled_slashes_are_one(self, cloud: Cloud) -> None:
        """A path whose parts were joined carelessly means what its author meant."""
        found = await ask(cloud, f"/{cloud.vault.resource_id}", **{"api-version": "2023-07-01"})

        assert (found[0], found[1]["id"]) == (200, cloud.vault.resource_id)

    async def test_subscriptions(self, cloud: Cloud) -> None:
        """A caller sees the subscriptions in which it has a role, and nobody sees one that isn't there."""
        version = {"api-version": "2022-12-01"}
        stranger = cloud.authority.issue(
            audience="https://management.azure.com", principal_id="stranger", client_id="c"
        )
        mine = await ask(cloud, "/subscriptions", **version)
        theirs = await ask(cloud, "/subscriptions", token=stranger, **version)
        one = await ask(cloud, SUBSCRIPTION_PATH, **version)
        forbidden = await ask(cloud, SUBSCRIPTION_PATH, token=stranger, **version)
        missing = await ask(cloud, "/subscriptions/00000000-0000-0000-0000-00000000dead", **version)

        assert [each["subscriptionId"] for each in mine[1]["value"]] == [SUBSCRIPTION]
        assert (theirs[1]["value"], one[1]["tenantId"]) == ([], TENANT_ID)
        assert code_of(forbidden) == (403, "AuthorizationFailed")
        assert code_of(missing) == (404, "SubscriptionNotFound")

    async def test_cloud_describes_itself(self, cloud: Cloud) -> None:
        """The cloud's description needs no token and names this Resource Manager, also at az's doubled slash."""
        for path in ("/metadata/endpoints", "//metadata/endpoints"):
            status, body = await ask(cloud, path, token="", **{"api-version": "2022-09-01"})

            assert (status, body["resourceManager"]) == (200, cloud.arm_service.base_url)

    async def test_other_operations(self, cloud: Cloud) -> None:
        """What the sandbox doesn't emulate it refuses in ARM's shape."""
        answer = await ask(cloud, f"{cloud.registry.id}/webhooks", **{"api-version": "2025-11-01"})

        assert code_of(answer) == (404, "InvalidResourceType")

    @pytest.mark.parametrize("body", ["", "[]", "{", '{"properties": {"sourceRepository": 7}}', "\xff"])
    async def test_bodies(self, cloud: Cloud, body: str) -> None:
        """A body that is no cache rule is refused with the place that is wrong."""
        token = (await cloud.credential().get_token("https://management.azure.com/.default")).token
        connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.put(
                f"{cloud.arm_service.base_url}{cloud.registry.id}/cacheRules/quay-rule?api-version=2025-11-01",
                data=body.encode("latin-1"),
                headers={"Authorization": f"Bearer {token}"},
            ) as response,
        ):
            assert code_of((response.status, await response.json())) == (400, "InvalidRequestContent")
