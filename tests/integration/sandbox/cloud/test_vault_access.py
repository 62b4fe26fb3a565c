"""Who may do what with a vault's secrets: the challenge, roles."""

from uuid import uuid4

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
)

from sandbox.arm.access import RoleAssignment
from sandbox.arm.roles import KEY_VAULT_READER, KEY_VAULT_SECRETS_USER, RoleDefinition
from sandbox.identity.directory import Identity
from sandbox.identity.tokens import TENANT_ID, TokenAuthority
from tests.integration.sandbox.cloud.support import Cloud, PrincipalCredential, refusal_of
from tests.integration.sandbox.cloud.vault_requests import ask


class TestChallenge:
    """How a client learns for what and from whom it needs a token."""

    async def test_first_request_is_challenged(self, cloud: Cloud) -> None:
        """The SDK's first request goes without token and body, and is repeated with both."""
        async with cloud.secrets() as client:
            await client.set_secret("dockerhub-token", "value")
            await client.get_secret("dockerhub-token")

        first, second, third = cloud.exchanges.exchanges("vault")
        assert [one.status for one in (first, second, third)] == [401, 200, 200]
        assert (first.request_body, first.response_body) == (
            None,
            {"error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP token."}},
        )
        assert first.response_headers["WWW-Authenticate"] == (
            f'Bearer authorization="https://login.microsoftonline.com/{TENANT_ID}", resource="https://vault.azure.net"'
        )

    async def test_values_stay_out_of_the_exchange_log(self, cloud: Cloud) -> None:
        """Neither what is written nor what is read is logged."""
        async with cloud.secrets() as client:
            await client.set_secret("dockerhub-token", "dckr-very-secret")
            await client.get_secret("dockerhub-token")

        assert b"dckr-very-secret" not in cloud.exchanges.json_lines()

    @pytest.mark.parametrize("audience", ["https://management.azure.com", "https://vault.azure.net/"])
    async def test_wrong_audience(self, cloud: Cloud, audience: str) -> None:
        """A token for something else is refused, also one with a slash too many."""
        token = cloud.authority.issue(audience=audience, principal_id=cloud.app.object_id, client_id="c")
        headers = {"Authorization": f"Bearer {token}"}
        status, body, answered = await ask(cloud, "GET", "/secrets/a/?api-version=7.6", headers=headers)

        assert (status, body["error"]["message"]) == (
            401,
            f"AKV10022: Invalid audience. Expected https://vault.azure.net, found: {audience}.",
        )
        assert 'error="invalid_token"' in answered["WWW-Authenticate"]

    async def test_stranger_is_refused(self, cloud: Cloud) -> None:
        """A token that another tenant signed is none."""
        stranger = PrincipalCredential(TokenAuthority(clock=cloud.clock.now), cloud.app)
        async with cloud.secrets(credential=stranger) as client:
            with pytest.raises(ClientAuthenticationError) as caught:
                await client.get_secret("dockerhub-token")

        assert refusal_of(caught.value) == (401, "Unauthorized")


class TestAccess:
    """Data-plane RBAC."""

    @pytest.fixture
    def user(self, cloud: Cloud) -> Identity:
        """Somebody without a role."""
        cloud.vault.write("dockerhub-token", "one")
        return cloud.directory.create("somebody")

    async def test_nobody_reads_without_a_role(self, cloud: Cloud, user: Identity) -> None:
        """A caller without a role is told which action it lacks, before it learns what exists."""
        async with cloud.secrets(user) as client:
            for name in ("dockerhub-token", "absent"):
                with pytest.raises(HttpResponseError) as caught:
                    await client.get_secret(name)

                assert refusal_of(caught.value) == (403, "Forbidden")
                assert "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'" in caught.value.message

        body = cloud.exchanges.exchanges("vault")[-1].response_body
        assert body["error"]["innererror"] == {"code": "ForbiddenByRbac"}

    async def test_secrets_user_reads_and_nothing_more(self, cloud: Cloud, user: Identity) -> None:
        """Key Vault Secrets User reads values and lists, and neither writes nor deletes."""
        cloud.access.grant(user.object_id, KEY_VAULT_SECRETS_USER, cloud.vault.resource_id)
        async with cloud.secrets(user) as client:
            value = (await client.get_secret("dockerhub-token")).value
            names = [one.name async for one in client.list_properties_of_secrets()]
            for forbidden in (
                client.set_secret("dockerhub-token", "two"),
                client.update_secret_properties("dockerhub-token", enabled=False),
                client.delete_secret("dockerhub-token"),
                client.purge_deleted_secret("dockerhub-token"),
                client.recover_deleted_secret("dockerhub-token"),
            ):
                with pytest.raises(HttpResponseError) as caught:
                    await forbidden
                assert refusal_of(caught.value) == (403, "Forbidden")

        assert (value, names) == ("one", ["dockerhub-token"])

    async def test_role_on_one_secret_opens_that_one(self, cloud: Cloud, user: Identity) -> None:
        """A role at a secret's own scope opens neither another secret nor the list."""
        cloud.vault.write("dockerhub-owner", "two")
        cloud.access.grant(user.object_id, KEY_VAULT_SECRETS_USER, cloud.vault.scope("dockerhub-token"))
        async with cloud.secrets(user) as client:
            value = (await client.get_secret("dockerhub-token")).value
            with pytest.raises(HttpResponseError) as other:
                await client.get_secret("dockerhub-owner")
            with pytest.raises(HttpResponseError) as listing:
                _ = [one async for one in client.list_properties_of_secrets()]

        assert value == "one"
        assert refusal_of(other.value) == refusal_of(listing.value) == (403, "Forbidden")

    async def test_purging_is_a_right_of_its_own(self, cloud: Cloud, user: Identity) -> None:
        """Who may delete may not yet purge."""
        role = RoleDefinition(
            "00000000-0000-0000-0000-0000000de1e7",
            "Deleter",
            data_actions=("Microsoft.KeyVault/vaults/secrets/delete",),
        )
        cloud.access.definitions[role.id] = role
        cloud.access.grant(user.object_id, role, cloud.vault.resource_id)
        cloud.vault.delete("dockerhub-token")
        async with cloud.secrets(user) as client:
            with pytest.raises(HttpResponseError) as caught:
                await client.purge_deleted_secret("dockerhub-token")

        assert refusal_of(caught.value) == (403, "Forbidden")

    async def test_reader_lists_and_reads_no_value(self, cloud: Cloud, user: Identity) -> None:
        """Key Vault Reader sees that a secret exists and not what it is."""
        cloud.access.grant(user.object_id, KEY_VAULT_READER, cloud.vault.resource_id)
        async with cloud.secrets(user) as client:
            names = [one.name async for one in client.list_properties_of_secrets()]
            with pytest.raises(HttpResponseError) as caught:
                await client.get_secret("dockerhub-token")

        assert names == ["dockerhub-token"]
        assert refusal_of(caught.value) == (403, "Forbidden")

    async def test_new_role_holds_after_propagation(self, cloud: Cloud, user: Identity) -> None:
        """With a propagation time a new role takes effect later."""
        cloud.access.propagation_s = 120
        cloud.access.assign(
            RoleAssignment(
                name=str(uuid4()),
                scope=cloud.vault.resource_id,
                role=KEY_VAULT_SECRETS_USER.id,
                principal_id=user.object_id,
                principal_type="ServicePrincipal",
                created_on=cloud.clock.now(),
            )
        )
        async with cloud.secrets(user) as client:
            with pytest.raises(HttpResponseError):
                await client.get_secret("dockerhub-token")
            cloud.clock.advance(120)
            assert (await client.get_secret("dockerhub-token")).value == "one"
