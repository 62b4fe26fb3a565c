"""What Resource Manager refuses, and what a network and an overloaded service do to its adapter."""

import msgspec
import pytest

from sandbox.frame.faults import FaultRule, Phase
from shared.application.registry_ports import Registries
from shared.domain.plans import CreateCacheRule
from shared.errors import PermanentError, TemporaryError
from tests.integration.adapters.builders import ALPINE, NGINX
from tests.integration.adapters.support import ServedArm, make


class TestRefusals:
    """What ARM refuses keeps ARM's code, and says whether to come back."""

    async def test_an_existing_repository(self, arm: ServedArm, registries: Registries) -> None:
        """A rule over a repository that exists is refused for good, with ARM's words and a hint."""
        arm.cloud.repositories.names.add("mcr/alpine")
        with pytest.raises(PermanentError) as caught:
            await make(registries, arm.registry_id, ALPINE)

        assert caught.value.code == "TargetRepositoryAlreadyPresentInRegistry"
        assert "'mcr/alpine' is already present" in str(caught.value)
        assert caught.value.hint.startswith("Delete that repository")

    async def test_missing_credentials(self, arm: ServedArm, registries: Registries) -> None:
        """A Docker Hub rule without credentials is refused for good."""
        with pytest.raises(PermanentError) as caught:
            await make(registries, arm.registry_id, msgspec.structs.replace(NGINX, credential_set=None))
        assert caught.value.code == "EnforceDockerAuthentication"

    async def test_an_unknown_code(self, arm: ServedArm, registries: Registries) -> None:
        """A code that nobody knows is permanent and is kept."""
        await make(registries, arm.registry_id, ALPINE)
        overlapping = CreateCacheRule("alpine-2", "mcr.microsoft.com/other", "mcr/alpine", None)
        with pytest.raises(PermanentError) as caught:
            await make(registries, arm.registry_id, overlapping)
        assert caught.value.code == "CacheRuleOverlapsExistingRule"

    @pytest.mark.parametrize(
        "body",
        ["<html>", '{"value": [', "[" * 200_000, '{"value": 1}'],
        ids=["a page of a proxy", "half an answer", "a nesting without end", "another form"],
    )
    async def test_an_answer_that_cannot_be_read(self, arm: ServedArm, registries: Registries, body: str) -> None:
        """It refuses nothing, and the next one may be better."""
        arm.faults.add(FaultRule(service="arm", status=200, body=body, headers={"Content-Type": "application/json"}))
        with pytest.raises(TemporaryError) as caught:
            await registries.read(arm.registry_id)
        assert caught.value.code == "unreadable_answer"

    async def test_a_failed_operation(self, arm: ServedArm, registries: Registries) -> None:
        """An operation that was accepted and failed is refused by its code, though its status was 200."""
        arm.cloud.arm.settings.asynchronous = {"TargetRepositoryAlreadyPresentInRegistry"}
        arm.cloud.repositories.names.add("mcr/alpine")
        with pytest.raises(PermanentError) as caught:
            await make(registries, arm.registry_id, ALPINE)

        assert caught.value.code == "TargetRepositoryAlreadyPresentInRegistry"
        assert {200, 201} >= {
            e.status for e in arm.exchanges.exchanges("arm", path="/(cacheRules|operationStatuses)/.")[1:]
        }

    async def test_a_failed_operation_that_passes(self, arm: ServedArm, registries: Registries) -> None:
        """One that failed for a reason that passes is tried again over what it left behind."""
        arm.cloud.arm.operations.fail_next("cacheRules", "InternalServerError", "Try again.")
        with pytest.raises(TemporaryError) as caught:
            await make(registries, arm.registry_id, ALPINE)
        assert caught.value.code == "InternalServerError"

        await make(registries, arm.registry_id, ALPINE)
        [rule] = (await registries.read(arm.registry_id)).rules
        assert rule.provisioning_state == "Succeeded"

    async def test_no_role(self, arm: ServedArm) -> None:
        """Without a role the refusal is permanent and says what to do."""
        stranger = arm.cloud.directory.create("stranger")
        adapter = arm.registries(stranger)
        with pytest.raises(PermanentError) as caught:
            await adapter.read(arm.registry_id)
        await adapter.aclose()

        assert caught.value.code == "AuthorizationFailed"
        assert "role" in caught.value.hint

    async def test_a_wrong_audience(self, arm: ServedArm) -> None:
        """Tokens for another service are refused for good."""
        adapter = arm.registries(audience="https://vault.azure.net")
        with pytest.raises(PermanentError) as caught:
            await adapter.read(arm.registry_id)
        await adapter.aclose()

        assert caught.value.code == "InvalidAuthenticationTokenAudience"


class TestTrouble:
    """What a network and an overloaded ARM do."""

    @pytest.mark.parametrize(
        ("status", "headers", "wait"),
        [(429, {"Retry-After": "17"}, 17.0), (503, {"Retry-After": "2"}, 2.0), (500, {}, None), (504, {}, None)],
    )
    async def test_overload(
        self, arm: ServedArm, registries: Registries, status: int, headers: dict[str, str], wait: float | None
    ) -> None:
        """Throttling and errors on ARM's side come back at once, with the wait that ARM asks for."""
        fault = arm.faults.add(FaultRule(method="PUT", path="/cacheRules/", status=status, headers=headers))
        with pytest.raises(TemporaryError) as caught:
            await make(registries, arm.registry_id, ALPINE)

        assert (wait, 1) == (caught.value.retry_after, fault.fired)

    async def test_a_conflict_that_passes(self, arm: ServedArm, registries: Registries) -> None:
        """A 409 whose words say that something is in progress passes, whatever its code."""
        body = {"error": {"code": "Conflict", "message": "An operation is in progress on the registry."}}
        arm.faults.add(FaultRule(method="PUT", path="/cacheRules/", status=409, body=body))
        with pytest.raises(TemporaryError):
            await make(registries, arm.registry_id, ALPINE)

    async def test_a_conflict_that_stays(self, arm: ServedArm, registries: Registries) -> None:
        """Any other 409 does not pass."""
        body = {"error": {"code": "Conflict", "message": "There is something else."}}
        arm.faults.add(FaultRule(method="PUT", path="/cacheRules/", status=409, body=body))
        with pytest.raises(PermanentError):
            await make(registries, arm.registry_id, ALPINE)

    async def test_one_dropped_connection(self, arm: ServedArm, registries: Registries) -> None:
        """A connection that drops once is no trouble, before ARM saw the request as after."""
        for number, phase in enumerate(Phase):
            rule = msgspec.structs.replace(ALPINE, name=f"alpine-{number}", target=f"mcr/a{number}")
            arm.faults.add(FaultRule(method="PUT", path=f"/alpine-{number}", times=1, drop=True, phase=phase))
            try:
                await make(registries, arm.registry_id, rule)
            except TemporaryError:  # ARM still works on the request whose answer was lost
                await make(registries, arm.registry_id, rule)

        assert len((await registries.read(arm.registry_id)).rules) == 2

    async def test_dropped_connections(self, arm: ServedArm, registries: Registries) -> None:
        """An ARM that can't be reached is temporary."""
        arm.faults.add(FaultRule(drop=True))
        with pytest.raises(TemporaryError):
            await registries.read(arm.registry_id)

    async def test_no_answer(self, arm: ServedArm) -> None:
        """An ARM that never answers is given up after the patience."""
        arm.faults.add(FaultRule(hold=True))
        adapter = arm.registries(patience_s=0.2)
        with pytest.raises(TemporaryError) as caught:
            await adapter.read(arm.registry_id)
        await adapter.aclose()

        assert caught.value.code == "timeout"

    async def test_no_json(self, arm: ServedArm, registries: Registries) -> None:
        """An answer that is a proxy's page is temporary."""
        arm.faults.add(
            FaultRule(path="/cacheRules", status=200, headers={"Content-Type": "text/html"}, body="<p>hi</p>")
        )
        with pytest.raises(TemporaryError):
            await registries.read(arm.registry_id)
