"""Role assignments on a vault's secrets, and the way from a vault's address to its ARM id."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.arm.models import VAULT_TYPE
from sandbox.arm.roles import (
    CACHEWARDEN_VAULT_POLICY_WRITER,
    KEY_VAULT_READER,
    KEY_VAULT_SECRETS_USER,
    READER,
)
from sandbox.frame.faults import FaultRule, Phase
from shared.adapters.arm_clients import ForeignLink
from shared.adapters.arm_ids import ArmIdInvalid
from shared.adapters.vault_access import VaultNotFound
from shared.adapters.vault_policies import AccessPolicyMissing
from shared.application.registry_ports import VaultAccess
from shared.errors import PermanentError, TemporaryError
from tests.integration.adapters.support import ServedArm
from tests.integration.sandbox.cloud.support import GROUP, SUBSCRIPTION

SECRETS = ("dockerhub-username", "dockerhub-token")


@pytest_asyncio.fixture
async def access(arm: ServedArm) -> AsyncIterator[VaultAccess]:
    """The adapter under test."""
    adapter = arm.vault_access()
    yield adapter
    await adapter.aclose()


@pytest.fixture
def principal(arm: ServedArm) -> str:
    """A principal that came to be just now, so that Entra ID doesn't know it everywhere."""
    return arm.cloud.directory.create("contoso/credentialSets/docker-hub").object_id


class TestGranting:
    """Reading two secrets and nothing else."""

    async def test_granted(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """What was granted holds, for these secrets alone."""
        assert not await access.granted(arm.vault_id, SECRETS, principal)
        await access.grant(arm.vault_id, SECRETS, principal)

        assert await access.granted(arm.vault_id, SECRETS, principal)
        assert not await access.granted(arm.vault_id, ("dockerhub-owner",), principal)
        scopes = {one.scope for one in arm.cloud.access.assignments(below=arm.vault_id, principal_id=principal)}
        assert scopes == {f"{arm.vault_id}/secrets/{secret}" for secret in SECRETS}

    async def test_again(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """What is granted is not granted again; half of it is completed."""
        await access.grant(arm.vault_id, SECRETS[:1], principal)
        for _ in range(3):
            await access.grant(arm.vault_id, SECRETS, principal)

        assert len(arm.writes()) == 2

    async def test_above(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """The role on the vault, or on what holds it, covers its secrets; another role does not."""
        other = arm.cloud.directory.create("other").object_id
        arm.cloud.access.grant(principal, KEY_VAULT_SECRETS_USER, arm.vault_id.upper())
        arm.cloud.access.grant(other, KEY_VAULT_READER, arm.vault_id)

        assert await access.granted(arm.vault_id, SECRETS, principal)
        assert not await access.granted(arm.vault_id, SECRETS, other)

    async def test_a_neighbour(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """The role on a secret whose name begins alike covers nothing."""
        arm.cloud.access.grant(principal, KEY_VAULT_SECRETS_USER, f"{arm.vault_id}/secrets/dockerhub")
        assert not await access.granted(arm.vault_id, SECRETS, principal)

    async def test_one_that_exists(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """A grant whose answer was lost, and one that somebody else made meanwhile, count as made."""
        arm.faults.add(FaultRule(method="PUT", path="/roleAssignments/", times=1, drop=True, phase=Phase.AFTER))
        await access.grant(arm.vault_id, SECRETS, principal)
        body = {"error": {"code": "RoleAssignmentExists", "message": "The role assignment already exists."}}
        arm.faults.add(FaultRule(method="PUT", path="/roleAssignments/", status=409, body=body))
        await access.grant(arm.vault_id, (*SECRETS, "dockerhub-owner"), principal)

        assert await access.granted(arm.vault_id, SECRETS, principal)

    async def test_a_principal_that_is_not_there_yet(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """A principal that Entra ID does not know yet is temporary."""
        body = {"error": {"code": "PrincipalNotFound", "message": "Principal does not exist in the directory."}}
        arm.faults.add(FaultRule(method="PUT", path="/roleAssignments/", status=400, body=body))
        with pytest.raises(TemporaryError) as caught:
            await access.grant(arm.vault_id, SECRETS, principal)
        assert caught.value.code == "PrincipalNotFound"

    async def test_no_right(self, arm: ServedArm, principal: str) -> None:
        """An identity that may not hand out the role is told so, for good."""
        arm.cloud.access.grant(principal, READER, arm.vault_id)
        adapter = arm.vault_access(arm.cloud.directory.find(principal))
        with pytest.raises(PermanentError) as caught:
            await adapter.grant(arm.vault_id, SECRETS, principal)
        await adapter.aclose()
        assert caught.value.code == "AuthorizationFailed"

    @pytest.mark.parametrize("who", ["", "x' or principalId ne '", "00000000-0000-0000-0000-00000000000"])
    async def test_principals(self, arm: ServedArm, access: VaultAccess, who: str) -> None:
        """What is no object id never reaches a filter."""
        with pytest.raises(ArmIdInvalid):
            await access.granted(arm.vault_id, SECRETS, who)
        assert arm.exchanges.exchanges() == []

    @pytest.mark.parametrize("secret", ["a/b", "..", "", "a?b"])
    async def test_secrets(self, arm: ServedArm, access: VaultAccess, principal: str, secret: str) -> None:
        """What is no secret's name never reaches a scope."""
        with pytest.raises(ArmIdInvalid):
            await access.grant(arm.vault_id, (secret,), principal)
        with pytest.raises(ArmIdInvalid):
            await access.grant(f"{arm.vault_id}/secrets", SECRETS, principal)
        assert arm.exchanges.exchanges() == []


class TestAccessPolicies:
    """A vault that was made without roles."""

    @pytest.fixture(autouse=True)
    def _without_roles(self, arm: ServedArm) -> None:
        arm.cloud.access.vault_policies.use(arm.vault_id)

    async def test_a_role_opens_nothing(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """A role assignment there counts for nothing; an access policy does, whatever its letters' case."""
        arm.cloud.access.grant(principal, KEY_VAULT_SECRETS_USER, arm.vault_id)
        assert not await access.granted(arm.vault_id, SECRETS, principal)
        arm.cloud.access.vault_policies.allow(arm.vault_id, principal.upper(), "List")
        assert not await access.granted(arm.vault_id, SECRETS, principal)
        arm.cloud.access.vault_policies.allow(arm.vault_id, principal.upper(), "Get")
        assert await access.granted(arm.vault_id, SECRETS, principal)

    async def test_not_allowed_to_write_one(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """With the rights that the app has as a rule, somebody else is told the very command."""
        with pytest.raises(AccessPolicyMissing) as caught:
            await access.grant(arm.vault_id, SECRETS, principal)

        name = arm.vault_id.rpartition("/")[2]
        command = f"az keyvault set-policy --name {name} --object-id {principal} --secret-permissions get;"
        assert command in caught.value.hint
        assert not any(arm.cloud.access.assignments(below=arm.vault_id, principal_id=principal))

    async def test_allowed_to_write_one(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """One policy with one permission is added, once; those of others stay as they are."""
        policies = arm.cloud.access.vault_policies
        policies.allow(arm.vault_id, "00000000-0000-0000-0000-0000000000ee", "get", "set")
        arm.cloud.access.grant(arm.cloud.app.object_id, CACHEWARDEN_VAULT_POLICY_WRITER, arm.vault_id)
        for _ in range(2):
            await access.grant(arm.vault_id, SECRETS, principal)

        held = {one["objectId"]: one["permissions"] for one in policies.documents(arm.vault_id)}
        assert held[principal] == {"secrets": ("get",), "keys": (), "certificates": (), "storage": ()}
        assert held["00000000-0000-0000-0000-0000000000ee"]["secrets"] == ("get", "set")
        assert len([one for one in arm.exchanges.exchanges("arm") if "/accessPolicies/add" in one.url]) == 1
        assert await access.granted(arm.vault_id, SECRETS, principal)

    async def test_a_vault_that_may_not_be_read(self, arm: ServedArm, access: VaultAccess, principal: str) -> None:
        """Is taken for one with roles, as most are."""
        body = {"error": {"code": "AuthorizationFailed", "message": "no"}}
        arm.faults.add(FaultRule(method="GET", path="/vaults/[^/]+[?]", status=403, body=body))
        await access.grant(arm.vault_id, SECRETS, principal)

        assert any(arm.cloud.access.assignments(below=arm.vault_id, principal_id=principal))


class TestLookingUp:
    """From `https://contoso-kv.vault.azure.net` to the vault's ARM id."""

    async def test_by_address(self, arm: ServedArm, access: VaultAccess) -> None:
        """The vault is found by the address in its own document, whatever its name and the number of others."""
        arm.cloud.arm.settings.page_size = 2
        for number in range(5):
            other = arm.cloud.arm.inventory.add(VAULT_TYPE, f"kv-{number}", subscription=SUBSCRIPTION, group=GROUP)
            arm.cloud.access.grant(arm.cloud.app.object_id, READER, other.id)
            other.properties["vaultUri"] = f"https://kv-{number}.vault.azure.net/"

        assert await access.vault_id(arm.cloud.vault_service.base_url, SUBSCRIPTION) == arm.vault_id
        found = await access.vault_id("https://kv-3.vault.azure.net", SUBSCRIPTION)
        assert found.endswith("/vaults/kv-3")

    async def test_one_that_lies(self, arm: ServedArm, access: VaultAccess) -> None:
        """A vault of the right name at another address, in another cloud say, is not the one."""
        assert "/vaults/contoso-kv" in arm.vault_id
        with pytest.raises(VaultNotFound):
            await access.vault_id("https://contoso-kv.vault.azure.cn", SUBSCRIPTION)

    async def test_no_subscription(self, arm: ServedArm, access: VaultAccess) -> None:
        """What is no subscription id never reaches a URL."""
        with pytest.raises(ArmIdInvalid):
            await access.vault_id("https://contoso-kv.vault.azure.net", "../x")
        assert arm.exchanges.exchanges() == []

    async def test_a_foreign_page(self, arm: ServedArm, access: VaultAccess) -> None:
        """A list that goes on at another host is not followed there: the token would go with it."""
        page = {"value": [], "nextLink": f"{arm.cloud.vault_service.base_url}/subscriptions?page=2"}
        arm.faults.add(FaultRule(path="/resources", status=200, body=page))
        with pytest.raises(ForeignLink):
            await access.vault_id("https://contoso-kv.vault.azure.net", SUBSCRIPTION)

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_overload(self, arm: ServedArm, access: VaultAccess, status: int) -> None:
        """Throttling and errors on ARM's side are temporary, with ARM's wait."""
        arm.faults.add(FaultRule(path="/resources", status=status, headers={"Retry-After": "9"}))
        with pytest.raises(TemporaryError) as caught:
            await access.vault_id("https://contoso-kv.vault.azure.net", SUBSCRIPTION)
        assert caught.value.retry_after == 9
