"""Cache rules and credential sets through the real SDK and an emulated Resource Manager."""

import asyncio

import msgspec
import pytest

from shared.adapters.arm import ExistsOtherwise, RuleMissing
from shared.adapters.arm_ids import ArmIdInvalid
from shared.application.registry_ports import Registries
from shared.domain.cache_rules import CacheRule
from shared.domain.plans import AttachCredentialSet, CreateCacheRule, CreateCredentialSet
from shared.errors import PermanentError, TemporaryError
from tests.integration.adapters.builders import ALPINE, NGINX
from tests.integration.adapters.support import ServedArm, make, until


def credentials(arm: ServedArm) -> CreateCredentialSet:
    """The action that makes the credential set for Docker Hub."""
    cloud = arm.cloud
    return CreateCredentialSet(
        "docker-hub", "docker.io", cloud.secret_id("dockerhub-username"), cloud.secret_id("dockerhub-token")
    )


class TestReading:
    """A registry as it is."""

    async def test_an_empty_registry(self, arm: ServedArm, registries: Registries) -> None:
        """A registry without rules has its id and login server as ARM has them."""
        snapshot = await registries.read(arm.registry_id.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))

        assert (arm.registry_id, "contoso.azurecr.io") == (snapshot.id, snapshot.login_server)
        assert ((), (), frozenset()) == (snapshot.rules, snapshot.credential_sets, snapshot.repositories)

    async def test_rules_and_sets(self, arm: ServedArm, registries: Registries) -> None:
        """Rules and sets are read, over several pages."""
        arm.cloud.arm.settings.page_size = 2
        await make(registries, arm.registry_id, credentials(arm))
        for number in range(5):
            await make(
                registries,
                arm.registry_id,
                CreateCacheRule(f"rule-{number}", f"docker.io/a/r{number}", f"docker-hub/a/r{number}", "docker-hub"),
            )

        snapshot = await registries.read(arm.registry_id)
        assert [await registries.credential_set(arm.registry_id, "docker-hub")] == [*snapshot.credential_sets]
        expected = [CacheRule(f"rule-{n}", f"docker.io/a/r{n}", f"docker-hub/a/r{n}", "docker-hub") for n in range(5)]
        assert expected == sorted(snapshot.rules)

    async def test_health(self, arm: ServedArm, registries: Registries) -> None:
        """A set is healthy once its principal may read its secrets; before that, ACR says why it is not."""
        await make(registries, arm.registry_id, credentials(arm))
        created = await registries.credential_set(arm.registry_id, "docker-hub")
        assert created is not None
        assert (created.healthy, created.vault_access) == (False, None)
        assert "" not in {created.health_code, created.principal_id}

        access = arm.vault_access()
        await access.grant(arm.vault_id, ("dockerhub-username", "dockerhub-token"), created.principal_id)
        await access.aclose()
        healthy = msgspec.structs.replace(created, healthy=True, health_code="", health_message="")
        assert healthy == await registries.credential_set(arm.registry_id, "docker-hub")

    async def test_no_set(self, arm: ServedArm, registries: Registries) -> None:
        """A credential set that is not there is None."""
        assert await registries.credential_set(arm.registry_id, "docker-hub") is None

    async def test_no_registry(self, arm: ServedArm) -> None:
        """A registry that is not there is a permanent error with ARM's code, for reads of its parts too."""
        gone = arm.registry_id.replace("contoso", "fabrikam")
        adapter = arm.registries(arm.cloud.owner)
        with pytest.raises(PermanentError) as reading:
            await adapter.read(gone)
        with pytest.raises(PermanentError) as part:
            await adapter.credential_set(gone, "docker-hub")
        await adapter.aclose()

        assert reading.value.code in {"ResourceNotFound", "ParentResourceNotFound"}
        assert part.value.code == "ParentResourceNotFound"

    @pytest.mark.parametrize("appended", ["/cacheRules/x", "/../x", "?x=1", "#x", "/"])
    async def test_ids(self, arm: ServedArm, registries: Registries, appended: str) -> None:
        """An id of another shape sends nothing; only a slash at the end makes no difference."""
        if appended == "/":
            assert arm.registry_id == (await registries.read(arm.registry_id + appended)).id
            return
        with pytest.raises(ArmIdInvalid):
            await registries.read(arm.registry_id + appended)
        assert arm.exchanges.exchanges() == []


class TestCreating:
    """Each create is safe to repeat."""

    async def test_again(self, arm: ServedArm, registries: Registries) -> None:
        """What is there and equal is not written again."""
        for _ in range(3):
            await make(registries, arm.registry_id, credentials(arm))
            await make(registries, arm.registry_id, NGINX)

        assert arm.writes() == ["PUT docker-hub", "PUT nginx-1"]

    async def test_a_rule_without_credentials(self, arm: ServedArm, registries: Registries) -> None:
        """A rule for an upstream that takes none has no credential set."""
        await make(registries, arm.registry_id, ALPINE)

        [rule] = (await registries.read(arm.registry_id)).rules
        assert CacheRule(ALPINE.name, ALPINE.source, ALPINE.target) == rule

    @pytest.mark.parametrize("retry_after", [None, 0, 1])
    async def test_a_long_operation(self, arm: ServedArm, registries: Registries, retry_after: int | None) -> None:
        """A create returns when the operation has ended, whatever wait ARM asks for."""
        arm.cloud.arm.settings.operation_polls = 2
        arm.cloud.arm.settings.retry_after_s = retry_after
        await make(registries, arm.registry_id, ALPINE)

        [rule] = (await registries.read(arm.registry_id)).rules
        assert rule.provisioning_state == "Succeeded"

    async def test_one_that_is_still_created(self, arm: ServedArm, registries: Registries) -> None:
        """A create that a dead worker left running is waited for, not started again."""
        arm.cloud.arm.settings.operation_delay_s = 60
        dying = asyncio.create_task(make(registries, arm.registry_id, ALPINE))
        await until(lambda: bool(arm.writes()))
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)

        waiting = asyncio.create_task(make(registries, arm.registry_id, ALPINE))
        looked = len(arm.exchanges.exchanges())
        await until(lambda: len(arm.exchanges.exchanges()) >= looked + 2)
        assert not waiting.done()
        arm.cloud.clock.advance(61)
        await waiting
        assert arm.writes() == ["PUT alpine-1"]

    async def test_one_for_something_else(self, arm: ServedArm, registries: Registries) -> None:
        """What is there under that name and differs is refused and stays as it is."""
        await make(registries, arm.registry_id, credentials(arm))
        await make(registries, arm.registry_id, NGINX)
        before = await registries.read(arm.registry_id)

        for other in (
            msgspec.structs.replace(NGINX, source="docker.io/library/redis"),
            msgspec.structs.replace(NGINX, target="other/library/nginx"),
            msgspec.structs.replace(NGINX, credential_set=None),
        ):
            with pytest.raises(ExistsOtherwise):
                await make(registries, arm.registry_id, other)
        with pytest.raises(ExistsOtherwise):
            await make(registries, arm.registry_id, msgspec.structs.replace(credentials(arm), login_server="ghcr.io"))
        assert before == await registries.read(arm.registry_id)

    async def test_at_once(self, arm: ServedArm, registries: Registries) -> None:
        """Of two that create the same rule at once, one may be told to come back, and then finds it done."""
        arm.cloud.arm.settings.operation_polls = 2
        results = await asyncio.gather(
            *(make(registries, arm.registry_id, ALPINE) for _ in range(3)), return_exceptions=True
        )

        assert all(result is None or isinstance(result, TemporaryError) for result in results)
        await make(registries, arm.registry_id, ALPINE)
        assert len((await registries.read(arm.registry_id)).rules) == 1


class TestAttaching:
    """A rule without credentials gets them."""

    async def test_once(self, arm: ServedArm, registries: Registries) -> None:
        """The credential set is attached, and a second time nothing is written."""
        await make(registries, arm.registry_id, credentials(arm))
        await make(registries, arm.registry_id, NGINX)
        arm.cloud.registry.rules["nginx-1"].credential_set = None
        for _ in range(2):
            await make(registries, arm.registry_id, AttachCredentialSet("nginx-1", "docker-hub"))

        [rule] = (await registries.read(arm.registry_id)).rules
        assert CacheRule(NGINX.name, NGINX.source, NGINX.target, "docker-hub") == rule
        assert arm.writes() == ["PUT docker-hub", "PUT nginx-1", "PATCH nginx-1"]

    async def test_no_rule(self, arm: ServedArm, registries: Registries) -> None:
        """A rule that is gone is a permanent error."""
        with pytest.raises(RuleMissing):
            await make(registries, arm.registry_id, AttachCredentialSet("nginx-1", "docker-hub"))

    async def test_another_set(self, arm: ServedArm, registries: Registries) -> None:
        """A rule that has another credential set by now keeps it."""
        await make(registries, arm.registry_id, credentials(arm))
        await make(registries, arm.registry_id, NGINX)

        with pytest.raises(ExistsOtherwise):
            await make(registries, arm.registry_id, AttachCredentialSet("nginx-1", "other-set"))
