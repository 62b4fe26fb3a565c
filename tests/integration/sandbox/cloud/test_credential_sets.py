"""Credential sets as the registry SDK meets them: own principals, and health from the vault and from Docker Hub."""

from collections.abc import Callable

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.mgmt.containerregistry.models import AuthCredential, CredentialSet

from sandbox.acr.ports import CredentialsUnavailable
from sandbox.arm.bodies import RuleBody, RuleProperties
from sandbox.arm.roles import KEY_VAULT_SECRETS_USER
from sandbox.vault.secrets import Attributes
from tests.integration.sandbox.cloud.support import GROUP, REGISTRY, Cloud, add_rule, add_set, refusal_of, set_body


def health_of(found: CredentialSet) -> tuple[str | None, str | None]:
    """Status and code of the set's one credential."""
    [credential] = found.auth_credentials or []
    health = credential.credential_health
    assert health is not None
    return health.status, health.error_code


def let_in(cloud: Cloud, found: CredentialSet) -> None:
    """Let the set's principal read the vault."""
    assert found.identity is not None
    assert found.identity.principal_id is not None
    cloud.access.grant(found.identity.principal_id, KEY_VAULT_SECRETS_USER, cloud.vault.resource_id)


class TestLife:
    """From creation to deletion."""

    async def test_each_set_has_a_principal_of_its_own(self, cloud: Cloud) -> None:
        """Two sets have two principals, which the directory knows."""
        async with cloud.registries() as client:
            first, second = await add_set(cloud, client, "first-set"), await add_set(cloud, client, "second-set")

        principals = [one.identity.principal_id for one in (first, second) if one.identity is not None]
        assert len({*principals, cloud.app.object_id}) == 3
        assert all(cloud.directory.find(principal or "") for principal in principals)
        assert (first.login_server, first.provisioning_state) == ("docker.io", "Succeeded")

    async def test_creation_asks_nothing_of_the_vault(self, cloud: Cloud) -> None:
        """A set whose secrets don't exist is created all the same, and is unhealthy."""
        async with cloud.registries() as client:
            created = await add_set(cloud, client)

        assert created.provisioning_state == "Succeeded"
        assert health_of(created) == ("Unhealthy", "KeyVaultAccessDenied")

    async def test_put_overwrites_the_secrets_and_keeps_the_principal(self, cloud: Cloud) -> None:
        """Putting a set again replaces its secrets at once."""
        async with cloud.registries() as client:
            first = await add_set(cloud, client)
            body = set_body(cloud)
            assert body.auth_credentials is not None
            body.auth_credentials[0].password_secret_identifier = cloud.secret_id("other-token")
            again = await (await client.credential_sets.begin_create(GROUP, REGISTRY, "docker-hub", body)).result()

        assert first.identity == again.identity
        assert again.auth_credentials is not None
        assert again.auth_credentials[0].password_secret_identifier == cloud.secret_id("other-token")

    async def test_patch_replaces_the_secrets(self, cloud: Cloud) -> None:
        """An update names both secrets anew."""
        changed = AuthCredential(
            name="Credential1",
            username_secret_identifier=cloud.secret_id("a"),
            password_secret_identifier=cloud.secret_id("b"),
        )
        async with cloud.registries() as client:
            await add_set(cloud, client)
            updated = await (
                await client.credential_sets.begin_update(
                    GROUP, REGISTRY, "docker-hub", {"properties": {"authCredentials": [changed.as_dict()]}}
                )
            ).result()

        assert updated.auth_credentials is not None
        assert updated.auth_credentials[0].username_secret_identifier == cloud.secret_id("a")
        assert updated.provisioning_state == "Succeeded"

    async def test_deleted_set_takes_its_principal_along(self, cloud: Cloud) -> None:
        """A set that no rule uses can be deleted; made again it has another principal."""
        async with cloud.registries(cloud.owner) as client:
            first = await add_set(cloud, client)
            await (await client.credential_sets.begin_delete(GROUP, REGISTRY, "docker-hub")).result()
            second = await add_set(cloud, client)

        assert first.identity is not None
        assert first.identity != second.identity
        assert cloud.directory.find(first.identity.principal_id or "") is None

    async def test_failed_creation_can_be_repeated(self, cloud: Cloud) -> None:
        """A set that failed to be created is made anew, with another principal, and the first one is gone."""
        cloud.arm.operations.fail_next("credentialSets", "Conflict", "Not now.")
        async with cloud.registries() as client:
            with pytest.raises(HttpResponseError) as caught:
                await add_set(cloud, client)
            failed = await client.credential_sets.get(GROUP, REGISTRY, "docker-hub")
            made = await add_set(cloud, client)

        assert refusal_of(caught.value) == (200, "Conflict")
        assert (failed.provisioning_state, made.provisioning_state) == ("Failed", "Succeeded")
        assert failed.identity is not None
        assert failed.identity != made.identity
        assert cloud.directory.find(failed.identity.principal_id or "") is None

    async def test_set_in_use_stays(self, cloud: Cloud) -> None:
        """A set that a rule uses can't be deleted."""
        async with cloud.registries(cloud.owner) as client:
            await add_set(cloud, client)
            await add_rule(client, "hub-rule", "docker.io/o/a", "hub/a", cloud.credential_set_id("docker-hub"))
            with pytest.raises(HttpResponseError) as caught:
                await client.credential_sets.begin_delete(GROUP, REGISTRY, "docker-hub")

        assert refusal_of(caught.value) == (409, "CredentialSetInUse")


class TestRefusals:
    """What ACR refuses of a set."""

    @pytest.mark.parametrize("identity", ["UserAssigned", "None"])
    async def test_other_identities(self, cloud: Cloud, identity: str) -> None:
        """Only a system-assigned identity is taken."""
        async with cloud.registries() as client:
            with pytest.raises(HttpResponseError) as caught:
                await client.credential_sets.begin_create(
                    GROUP, REGISTRY, "docker-hub", set_body(cloud, identity=identity)
                )

        assert refusal_of(caught.value) == (400, "CannotSetResourceIdentity")

    async def test_unknown_login_server(self, cloud: Cloud) -> None:
        """A login server that ACR doesn't cache from is refused."""
        async with cloud.registries() as client:
            body = set_body(cloud, login_server="docker.elastic.co")
            with pytest.raises(HttpResponseError) as caught:
                await client.credential_sets.begin_create(GROUP, REGISTRY, "elastic", body)

        assert refusal_of(caught.value) == (400, "UpstreamNotSupported")

    async def test_login_server_never_changes(self, cloud: Cloud) -> None:
        """Putting a set again for another upstream is refused."""
        async with cloud.registries() as client:
            await add_set(cloud, client)
            body = set_body(cloud, login_server="quay.io")
            with pytest.raises(ResourceExistsError) as caught:
                await client.credential_sets.begin_create(GROUP, REGISTRY, "docker-hub", body)

        assert refusal_of(caught.value) == (409, "CredentialSetLoginServerImmutable")

    @pytest.mark.parametrize("identifier", ["http://vault/secrets/a", "https://vault/keys/a", "dockerhub-token"])
    async def test_secret_ids(self, cloud: Cloud, identifier: str) -> None:
        """A secret's id is an https address below /secrets."""
        async with cloud.registries() as client:
            body = set_body(cloud)
            assert body.auth_credentials is not None
            body.auth_credentials[0].password_secret_identifier = identifier
            with pytest.raises(HttpResponseError) as caught:
                await client.credential_sets.begin_create(GROUP, REGISTRY, "docker-hub", body)

        assert refusal_of(caught.value) == (400, "AuthCredentialsInvalid")


def _disable(cloud: Cloud) -> None:
    cloud.vault.update("dockerhub-token", attributes=Attributes(enabled=False))


def _expire(cloud: Cloud) -> None:
    cloud.vault.update("dockerhub-token", attributes=Attributes(exp=int(cloud.clock.now().timestamp()) - 1))


def _delete(cloud: Cloud) -> None:
    cloud.vault.delete("dockerhub-username")


def _reject(cloud: Cloud) -> None:
    cloud.logins.good.clear()


class TestHealth:
    """A verdict that is made when somebody looks."""

    async def test_set_becomes_healthy_when_its_principal_is_let_in(self, cloud: Cloud) -> None:
        """Good secrets, a principal that may read them and a Docker Hub that takes them make a healthy set."""
        cloud.put_good_credentials()
        async with cloud.registries() as client:
            before = await add_set(cloud, client)
            let_in(cloud, before)
            after = await client.credential_sets.get(GROUP, REGISTRY, "docker-hub")
            [listed] = [one async for one in client.credential_sets.list(GROUP, REGISTRY)]

        assert health_of(before) == ("Unhealthy", "KeyVaultAccessDenied")
        assert health_of(after) == health_of(listed) == ("Healthy", None)

    async def test_both_secrets_have_to_be_readable(self, cloud: Cloud) -> None:
        """A role on one of the two secrets is not enough, a role on each is."""
        cloud.put_good_credentials()
        async with cloud.registries() as client:
            created = await add_set(cloud, client)
            assert created.identity is not None
            principal = created.identity.principal_id or ""
            cloud.access.grant(principal, KEY_VAULT_SECRETS_USER, cloud.vault.scope("dockerhub-username"))
            half = await client.credential_sets.get(GROUP, REGISTRY, "docker-hub")
            cloud.access.grant(principal, KEY_VAULT_SECRETS_USER, cloud.vault.scope("dockerhub-token"))
            whole = await client.credential_sets.get(GROUP, REGISTRY, "docker-hub")

        assert (health_of(half)[0], health_of(whole)[0]) == ("Unhealthy", "Healthy")

    @pytest.mark.parametrize(
        ("harm", "code"),
        [
            (_disable, "KeyVaultSecretDisabled"),
            (_expire, "KeyVaultSecretExpired"),
            (_delete, "KeyVaultSecretNotFound"),
            (_reject, "UpstreamAuthenticationFailed"),
        ],
    )
    async def test_what_makes_a_set_unhealthy(self, cloud: Cloud, harm: Callable[[Cloud], None], code: str) -> None:
        """A healthy set that loses what it needs turns unhealthy, and pulls through it get no credentials."""
        cloud.put_good_credentials()
        async with cloud.registries() as client:
            let_in(cloud, await add_set(cloud, client))
            await add_rule(client, "hub-rule", "docker.io/o/a", "hub/a", cloud.credential_set_id("docker-hub"))
            good = await cloud.arm.credentials(REGISTRY, "hub-rule")
            harm(cloud)
            found = await client.credential_sets.get(GROUP, REGISTRY, "docker-hub")
            with pytest.raises(CredentialsUnavailable) as caught:
                await cloud.arm.credentials(REGISTRY, "hub-rule")

        assert good == ("contosobot", "dckr_pat_good")
        assert health_of(found) == ("Unhealthy", code)
        assert (found.provisioning_state, caught.value.reason) == ("Succeeded", code)

    async def test_new_version_is_seen_at_once(self, cloud: Cloud) -> None:
        """A versionless secret id follows the vault: a good new version heals the set."""
        cloud.put_good_credentials()
        async with cloud.registries() as client:
            let_in(cloud, await add_set(cloud, client))
            cloud.vault.write("dockerhub-token", "dckr_pat_bad")
            broken = await client.credential_sets.get(GROUP, REGISTRY, "docker-hub")
            cloud.vault.write("dockerhub-token", "dckr_pat_good")
            healed = await client.credential_sets.get(GROUP, REGISTRY, "docker-hub")

        assert (health_of(broken)[0], health_of(healed)[0]) == ("Unhealthy", "Healthy")

    async def test_other_upstreams_are_not_asked(self, cloud: Cloud) -> None:
        """A set for another upstream than Docker Hub is healthy when its secrets can be read."""
        cloud.put_good_credentials()
        cloud.logins.good.clear()
        async with cloud.registries() as client:
            body = set_body(cloud, login_server="quay.io")
            let_in(cloud, await (await client.credential_sets.begin_create(GROUP, REGISTRY, "quay-set", body)).result())
            found = await client.credential_sets.get(GROUP, REGISTRY, "quay-set")

        assert health_of(found) == ("Healthy", None)

    async def test_set_of_another_vault_is_unhealthy(self, cloud: Cloud) -> None:
        """A secret id of a vault that isn't there makes the set unhealthy."""
        async with cloud.registries() as client:
            body = set_body(cloud)
            assert body.auth_credentials is not None
            body.auth_credentials[0].username_secret_identifier = "https://elsewhere.vault.azure.net/secrets/name"
            created = await (await client.credential_sets.begin_create(GROUP, REGISTRY, "docker-hub", body)).result()

        assert health_of(created) == ("Unhealthy", "KeyVaultNotFound")

    async def test_rule_that_is_gone(self, cloud: Cloud) -> None:
        """A rule that is deleted while a pull goes through it has no credentials any more."""
        with pytest.raises(CredentialsUnavailable):
            await cloud.arm.credentials(REGISTRY, "never-there")

    async def test_rule_whose_set_is_gone(self, cloud: Cloud) -> None:
        """A set that fails to be created while a rule points at it leaves the rule without credentials."""
        cloud.arm.operations.fail_next("credentialSets", "Conflict", "Not now.")
        async with cloud.registries() as client:
            await client.credential_sets.begin_create(GROUP, REGISTRY, "docker-hub", set_body(cloud))
            properties = RuleProperties("docker.io/o/a", "hub/a", cloud.credential_set_id("docker-hub"))
            cloud.arm.cache_rules.put(cloud.registry, "hub-rule", RuleBody(properties))

        with pytest.raises(CredentialsUnavailable):
            await cloud.arm.credentials(REGISTRY, "hub-rule")
