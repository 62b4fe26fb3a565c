"""Key Vault's adapter against the sandbox's vault."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from sandbox import scenario
from sandbox.arm.roles import KEY_VAULT_SECRETS_OFFICER, RoleDefinition
from sandbox.world import World
from shared.adapters.key_vault import KeyVaults, is_loopback
from shared.adapters.key_vault_calls import SecretAccessDenied, SecretNameBlocked
from shared.application.rotation_ports import SecretDisabled
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.cloud.support import PrincipalCredential


@pytest_asyncio.fixture
async def vaults(world: World) -> AsyncIterator[KeyVaults]:
    """The adapter under test, with the app's identity, which here may handle every secret of the vault."""
    world.access.grant(world.app_identity.object_id, KEY_VAULT_SECRETS_OFFICER, scenario.VAULT_ID)
    credential = PrincipalCredential(world.tokens, world.app_identity)
    adapter = KeyVaults(credential, poll_s=0.01, connection_verify=str(session_certificates().ca))
    yield adapter
    await adapter.aclose()


class TestSecrets:
    """Versions are read, written and disabled."""

    async def test_a_new_version(self, world: World, vaults: KeyVaults) -> None:
        """It has its value, its end, its tags and a content type, and is the current one."""
        ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=60)
        written = await vaults.write(world.urls.vault, "fresh", "text", tags={"a": "b"}, expires_on=ends)
        read = await vaults.read(world.urls.vault, "fresh")

        assert read == written
        assert (read.value, read.expires_on, read.tags) == ("text", ends, {"a": "b"})
        assert (world.vault.read("fresh").content_type or "").startswith("application/")

    async def test_what_is_not_there(self, world: World, vaults: KeyVaults) -> None:
        """No secret, and no version of one, is None."""
        assert await vaults.read(world.urls.vault, "none") is None
        assert await vaults.read(world.urls.vault, "dockerhub-token", "0" * 32) is None

    async def test_disabled(self, world: World, vaults: KeyVaults) -> None:
        """A disabled version says so; the newer one stays readable; one that is gone is left alone."""
        old = await vaults.write(world.urls.vault, "fresh", "old", tags={}, expires_on=None)
        new = await vaults.write(world.urls.vault, "fresh", "new", tags={}, expires_on=None)
        await vaults.disable(world.urls.vault, "fresh", old.version)
        await vaults.disable(world.urls.vault, "none", "0" * 32)

        assert (await vaults.read(world.urls.vault, "fresh")) == new
        with pytest.raises(SecretDisabled):
            await vaults.read(world.urls.vault, "fresh", old.version)

    async def test_a_deleted_name(self, world: World, vaults: KeyVaults) -> None:
        """It is recovered and then written to, with all its versions; whatever else was deleted stays deleted."""
        before = world.vault.read("dockerhub-token").id
        world.vault.delete("dockerhub-owner")
        world.vault.delete("dockerhub-token")
        written = await vaults.write(world.urls.vault, "dockerhub-token", "x", tags={}, expires_on=None)

        assert list(world.vault.secret("dockerhub-token").versions) == [before, written.version]
        assert await vaults.read(world.urls.vault, "dockerhub-owner") is None

    async def test_a_purged_name(self, world: World, vaults: KeyVaults) -> None:
        """While a secret is being purged its name can't be written to; then it is a new secret."""
        world.vault.delete("dockerhub-token")
        world.clock.advance(1)
        world.vault.purge("dockerhub-token")
        written = await vaults.write(world.urls.vault, "dockerhub-token", "x", tags={}, expires_on=None)

        assert list(world.vault.secret("dockerhub-token").versions) == [written.version]

    async def test_recovered_by_name(self, world: World, vaults: KeyVaults) -> None:
        """A deleted secret is there again when the call returns; what was never deleted is left alone."""
        world.vault.delete("dockerhub-token")
        world.clock.advance(1)

        assert await vaults.recover(world.urls.vault, "dockerhub-token")
        assert await vaults.read(world.urls.vault, "dockerhub-token") is not None
        assert not await vaults.recover(world.urls.vault, "dockerhub-token")
        assert not await vaults.recover(world.urls.vault, "none")

    async def test_not_allowed_to_recover(self, world: World) -> None:
        """The error says what to do."""
        someone = world.directory.create("writer")
        actions = tuple(f"Microsoft.KeyVault/vaults/secrets/{what}/action" for what in ("setSecret", "getSecret"))
        role = RoleDefinition("00000000-0000-0000-0000-00000000e17e", "Writer", data_actions=actions)
        world.access.definitions[role.id] = role
        world.access.grant(someone.object_id, role, scenario.VAULT_ID)
        world.vault.delete("dockerhub-token")
        world.clock.advance(1)
        credential = PrincipalCredential(world.tokens, someone)
        adapter = KeyVaults(credential, connection_verify=str(session_certificates().ca))
        with pytest.raises(SecretNameBlocked) as caught:
            await adapter.write(world.urls.vault, "dockerhub-token", "x", tags={}, expires_on=None)
        await adapter.aclose()

        assert "az keyvault secret recover" in (caught.value.hint or "")

    async def test_no_access(self, world: World) -> None:
        """A refusal is permanent, and shows no value."""
        stranger = world.directory.create("stranger")
        credential = PrincipalCredential(world.tokens, stranger)
        adapter = KeyVaults(credential, connection_verify=str(session_certificates().ca))
        with pytest.raises(SecretAccessDenied) as roles:
            await adapter.read(world.urls.vault, "dockerhub-token")
        world.access.vault_policies.use(scenario.VAULT_ID)
        with pytest.raises(SecretAccessDenied) as policies:
            await adapter.write(world.urls.vault, "dockerhub-token", "x", tags={}, expires_on=None)
        await adapter.aclose()

        assert "Key Vault Secrets Officer" in roles.value.hint
        command = f"set-policy --name localhost --object-id {stranger.object_id} --secret-permissions get set recover"
        assert command in policies.value.hint
        assert "ForbiddenByRbac" in str(roles.value)

    async def test_a_vault_with_access_policies(self, world: World) -> None:
        """With the three permissions that are documented everything works, roles or not."""
        someone = world.directory.create("app-without-roles")
        world.access.vault_policies.use(scenario.VAULT_ID)
        world.access.vault_policies.allow(scenario.VAULT_ID, someone.object_id, "get", "set", "recover")
        credential = PrincipalCredential(world.tokens, someone)
        adapter = KeyVaults(credential, poll_s=0.01, connection_verify=str(session_certificates().ca))
        world.vault.delete("dockerhub-token")
        written = await adapter.write(world.urls.vault, "dockerhub-token", "x", tags={}, expires_on=None)
        await adapter.disable(world.urls.vault, "dockerhub-token", written.version)
        with pytest.raises(SecretDisabled):
            await adapter.read(world.urls.vault, "dockerhub-token")
        await adapter.aclose()


class TestChallenge:
    """Whom a challenge is believed without verification."""

    @pytest.mark.parametrize("vault", ["https://localhost:1234", "https://127.0.0.1", "https://[::1]:8443/"])
    def test_this_machine(self, vault: str) -> None:
        """Loopback addresses and `localhost`."""
        assert is_loopback(vault)

    @pytest.mark.parametrize(
        "vault",
        [
            "https://contoso-kv.vault.azure.net",
            "https://localhost.example.com",
            "https://127.0.0.1.example.com",
            "https://10.0.0.1",
            "https://user@evil.example/localhost",
            "https://localhost@evil.example",
            "",
        ],
    )
    def test_nobody_else(self, vault: str) -> None:
        """Whatever only looks like this machine is verified."""
        assert not is_loopback(vault)
