"""Role assignments as the authorization SDK meets them."""

from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

from sandbox.arm.roles import KEY_VAULT_SECRETS_OFFICER, KEY_VAULT_SECRETS_USER, READER
from tests.integration.sandbox.cloud.support import (
    GRANT_CONDITION,
    SECRETS_USER,
    SUBSCRIPTION,
    Cloud,
    refusal_of,
)


def wanted(principal: str, *, role: str = SECRETS_USER, **more: Any) -> RoleAssignmentCreateParameters:
    """A role for a principal, which is a service principal unless something else is said."""
    role_id = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    return RoleAssignmentCreateParameters(
        role_definition_id=role_id, principal_id=principal, **{"principal_type": "ServicePrincipal", **more}
    )


class TestWriting:
    """PUT."""

    async def test_grant_on_a_secret_holds_for_that_secret(self, cloud: Cloud) -> None:
        """A role on one secret lets its principal read that one and no other."""
        principal, scope = cloud.directory.create("set").object_id, cloud.vault.scope("dockerhub-token")
        async with cloud.roles() as client:
            name = str(uuid4())
            created = await client.role_assignments.create(scope, name, wanted(principal))
            read = await client.role_assignments.get(scope, name)

        document = created.as_dict()
        assert (document["name"], document["scope"], document["principal_id"]) == (name, scope, principal)
        assert created.role_definition_id is not None
        assert created.role_definition_id.endswith(SECRETS_USER)
        assert created == read
        assert cloud.exchanges.exchanges("arm", method="PUT")[0].status == 201
        assert cloud.vault.allows(principal, "getSecret/action", "dockerhub-token")
        assert not cloud.vault.allows(principal, "getSecret/action", "dockerhub-owner")

    async def test_the_same_again_exists(self, cloud: Cloud) -> None:
        """The same role for the same principal at the same scope is refused, under any name."""
        principal, name = cloud.directory.create("set").object_id, str(uuid4())
        async with cloud.roles() as client:
            await client.role_assignments.create(cloud.vault.resource_id, name, wanted(principal))
            for another in (name, str(uuid4())):
                with pytest.raises(ResourceExistsError) as caught:
                    await client.role_assignments.create(cloud.vault.resource_id, another, wanted(principal))

                assert caught.value.error is not None
                assert caught.value.error.code == "RoleAssignmentExists"
                assert caught.value.error.message == (
                    "The role assignment already exists. The ID of the conflicting role assignment is "
                    f"{name.replace('-', '')}."
                )

    async def test_name_of_another_assignment(self, cloud: Cloud) -> None:
        """A name that is taken at the scope can't be used for another principal."""
        first, second = (cloud.directory.create(name).object_id for name in ("first", "second"))
        async with cloud.roles() as client:
            name = str(uuid4())
            await client.role_assignments.create(cloud.vault.resource_id, name, wanted(first))
            with pytest.raises(HttpResponseError) as caught:
                await client.role_assignments.create(cloud.vault.resource_id, name, wanted(second))

        assert refusal_of(caught.value) == (400, "RoleAssignmentUpdateNotPermitted")

    async def test_fresh_principal_needs_its_type(self, cloud: Cloud) -> None:
        """A principal of a moment ago is not found when the request leaves its type out, and is later."""
        principal = cloud.directory.create("set").object_id
        async with cloud.roles() as client:
            body = wanted(principal, principal_type=None)
            with pytest.raises(HttpResponseError) as caught:
                await client.role_assignments.create(cloud.vault.resource_id, str(uuid4()), body)
            cloud.clock.advance(cloud.directory.replication_s)
            created = await client.role_assignments.create(cloud.vault.resource_id, str(uuid4()), body)

        assert refusal_of(caught.value) == (400, "PrincipalNotFound")
        assert created.principal_type == "ServicePrincipal"

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"role": "00000000-0000-0000-0000-00000000dead"}, "RoleDefinitionDoesNotExist"),
            ({"principal_type": "User"}, "UnmatchedPrincipalType"),
            ({"condition": "nonsense", "condition_version": "2.0"}, "InvalidRoleAssignmentCondition"),
        ],
    )
    async def test_wrong_requests(self, cloud: Cloud, change: dict[str, str], code: str) -> None:
        """A role that doesn't exist, a wrong type and a condition that can't be read are refused."""
        principal = cloud.directory.create("set").object_id
        async with cloud.roles(cloud.owner) as client:
            body = wanted(principal, **change)
            with pytest.raises(HttpResponseError) as caught:
                await client.role_assignments.create(cloud.vault.resource_id, str(uuid4()), body)

        assert refusal_of(caught.value) == (400, code)

    async def test_name_is_a_guid(self, cloud: Cloud) -> None:
        """Another name than a GUID is refused."""
        async with cloud.roles() as client:
            with pytest.raises(HttpResponseError) as caught:
                await client.role_assignments.create(cloud.vault.resource_id, "my-role", wanted(cloud.app.object_id))

        assert refusal_of(caught.value) == (400, "InvalidRoleAssignmentId")

    async def test_scope_has_to_exist(self, cloud: Cloud) -> None:
        """A role on a vault that isn't there is refused."""
        scope = cloud.vault.resource_id.replace("contoso-kv", "fabrikam-kv")
        async with cloud.roles(cloud.owner) as client:
            with pytest.raises(ResourceNotFoundError) as caught:
                await client.role_assignments.create(scope, str(uuid4()), wanted(cloud.app.object_id))

        assert refusal_of(caught.value) == (404, "ResourceNotFound")


class TestDelegation:
    """What the condition of the product's own role lets pass."""

    @pytest.mark.parametrize(
        "change", [{"role": KEY_VAULT_SECRETS_OFFICER.id}, {"role": READER.id}, {"principal_type": "Group"}]
    )
    async def test_other_roles_and_kinds_are_refused(self, cloud: Cloud, change: dict[str, str]) -> None:
        """Any role but Key Vault Secrets User, and any kind of principal but service principals, is refused."""
        async with cloud.roles() as client:
            body = wanted(str(uuid4()), **change)
            with pytest.raises(HttpResponseError) as caught:
                await client.role_assignments.create(cloud.vault.resource_id, str(uuid4()), body)

        assert refusal_of(caught.value) == (403, "AuthorizationFailed")
        assert "ABAC condition that is not fulfilled" in caught.value.message

    async def test_other_scopes_are_refused(self, cloud: Cloud) -> None:
        """The product may grant nothing outside the vault."""
        async with cloud.roles() as client:
            body = wanted(cloud.app.object_id)
            with pytest.raises(HttpResponseError) as caught:
                await client.role_assignments.create(f"/subscriptions/{SUBSCRIPTION}", str(uuid4()), body)

        assert refusal_of(caught.value) == (403, "AuthorizationFailed")
        assert "does not have authorization to perform action" in caught.value.message

    async def test_only_its_own_kind_may_be_deleted(self, cloud: Cloud) -> None:
        """The condition covers deletion as well: a Secrets User goes, the product's own Officer stays."""
        principal = cloud.directory.create("set").object_id
        granted = cloud.access.grant(principal, KEY_VAULT_SECRETS_USER, cloud.vault.resource_id)
        [own] = [
            one
            for one in cloud.access.assignments(principal_id=cloud.app.object_id)
            if one.role == KEY_VAULT_SECRETS_OFFICER.id
        ]
        async with cloud.roles() as client:
            await client.role_assignments.delete(cloud.vault.resource_id, granted.name)
            with pytest.raises(HttpResponseError) as caught:
                await client.role_assignments.delete(cloud.vault.resource_id, own.name)
            gone = await client.role_assignments.delete(cloud.vault.resource_id, granted.name)

        assert refusal_of(caught.value) == (403, "AuthorizationFailed")
        assert gone is None
        assert not cloud.vault.allows(principal, "getSecret/action", "dockerhub-token")

    async def test_condition_travels(self, cloud: Cloud) -> None:
        """A condition that an owner writes is kept and honoured."""
        delegate = cloud.directory.create("delegate")
        role = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
        async with cloud.roles(cloud.owner) as client:
            body = wanted(delegate.object_id, role=role, condition=GRANT_CONDITION, condition_version="2.0")
            created = await client.role_assignments.create(cloud.vault.resource_id, str(uuid4()), body)
        async with cloud.roles(delegate) as client:
            await client.role_assignments.create(cloud.vault.resource_id, str(uuid4()), wanted(cloud.owner.object_id))
            body = wanted(cloud.owner.object_id, role=READER.id)
            with pytest.raises(HttpResponseError) as caught:
                await client.role_assignments.create(cloud.vault.resource_id, str(uuid4()), body)

        assert (created.condition, created.condition_version) == (GRANT_CONDITION, "2.0")
        assert refusal_of(caught.value) == (403, "AuthorizationFailed")


class TestReading:
    """GET."""

    async def test_filters(self, cloud: Cloud) -> None:
        """`atScope()` leaves out what lies below; `principalId` and `assignedTo` keep one principal's."""
        reader = cloud.directory.create("reader").object_id
        secret = cloud.vault.scope("dockerhub-token")
        for scope in (f"/subscriptions/{SUBSCRIPTION}", cloud.vault.resource_id, secret):
            cloud.access.grant(reader, READER, scope)

        async def scopes(query: str | None) -> list[str]:
            async with cloud.roles(cloud.owner) as client:
                found = client.role_assignments.list_for_scope(cloud.vault.resource_id, filter=query)
                return sorted({one.as_dict()["scope"] async for one in found if one.principal_id == reader})

        everything = sorted([f"/subscriptions/{SUBSCRIPTION}", cloud.vault.resource_id, secret])
        assert await scopes(None) == everything
        assert await scopes(f"principalId eq '{reader}'") == everything
        assert await scopes(f"assignedTo('{reader}')") == everything
        assert await scopes("atScope()") == [f"/subscriptions/{SUBSCRIPTION}", cloud.vault.resource_id]
        assert await scopes(f"atScope() and assignedTo('{cloud.owner.object_id}')") == []

    async def test_unknown_filter(self, cloud: Cloud) -> None:
        """Any other filter is refused instead of ignored."""
        async with cloud.roles() as client:
            found = client.role_assignments.list_for_scope(cloud.vault.resource_id, filter="name eq 'x'")
            with pytest.raises(HttpResponseError) as caught:
                _ = [one async for one in found]

        assert refusal_of(caught.value) == (400, "UnsupportedQuery")

    async def test_long_lists_come_in_pages(self, cloud: Cloud) -> None:
        """A list longer than a page is read to its end."""
        cloud.arm.settings.page_size = 3
        for number in range(7):
            cloud.access.grant(cloud.directory.create(f"p{number}").object_id, READER, cloud.vault.resource_id)
        async with cloud.roles() as client:
            found = [one async for one in client.role_assignments.list_for_scope(cloud.vault.resource_id)]

        assert len([one for one in found if (one.role_definition_id or "").endswith(READER.id)]) == 7

    async def test_roles_are_found_by_name(self, cloud: Cloud) -> None:
        """The role definitions of the sandbox are listed, and one is found by its name."""
        async with cloud.roles() as client:
            everything = [one async for one in client.role_definitions.list(cloud.vault.resource_id)]
            [found] = [
                one
                async for one in client.role_definitions.list(
                    cloud.vault.resource_id, filter="roleName eq 'Key Vault Secrets User'"
                )
            ]

        assert len(everything) == len(cloud.access.definitions)
        document = found.as_dict()
        assert (document["name"], document["role_type"]) == (SECRETS_USER, "BuiltInRole")
        assert "Microsoft.KeyVault/vaults/secrets/getSecret/action" in document["permissions"][0]["data_actions"]

    async def test_missing_assignment(self, cloud: Cloud) -> None:
        """A name that isn't there is not found."""
        async with cloud.roles() as client:
            with pytest.raises(ResourceNotFoundError) as caught:
                await client.role_assignments.get(cloud.vault.resource_id, str(uuid4()))

        assert refusal_of(caught.value) == (404, "RoleAssignmentNotFound")
