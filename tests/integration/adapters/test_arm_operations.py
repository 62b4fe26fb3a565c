"""Operations that outlive whoever began them: told by ARM, or by what they leave behind."""

from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.frame.faults import FaultRule, Phase
from shared.adapters.arm import ArmRegistries
from shared.adapters.arm_operations import ArmOperations
from shared.application.registry_ports import OperationUntold, Registries
from shared.domain.operations import Operation
from shared.errors import PermanentError, TemporaryError
from tests.integration.adapters.builders import ALPINE
from tests.integration.adapters.support import ServedArm, make

RESOURCE = f"cacheRules/{ALPINE.name}"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
POLLS = "/operationStatuses/"


async def accepted(arm: ServedArm, registries: Registries) -> Operation:
    """An operation that ARM has accepted and whose worker is gone."""
    operation = await registries.create_cache_rule(arm.registry_id, ALPINE)
    assert operation is not None
    assert operation.resource == RESOURCE
    return operation


class TestResuming:
    """Another worker takes it further."""

    async def test_the_end_is_waited_for_and_nothing_is_sent_twice(
        self, arm: ServedArm, registries: Registries
    ) -> None:
        """What is kept is enough for another process, and holds no host."""
        arm.cloud.arm.settings.operation_polls = 2
        operation = await accepted(arm, registries)
        assert operation.status.startswith(f"{arm.registry_id}/{RESOURCE}/operationStatuses/")
        assert "://" not in operation.status

        successor = arm.registries()
        assert await successor.until_ended(arm.registry_id, operation) is None
        await successor.aclose()

        [rule] = (await registries.read(arm.registry_id)).rules
        assert rule.provisioning_state == "Succeeded"
        assert arm.writes() == [f"PUT {ALPINE.name}"]

    async def test_what_failed_while_nobody_looked_is_told_in_azure_s_words(
        self, arm: ServedArm, registries: Registries
    ) -> None:
        """With status 200 and by its code: a permanent one here."""
        arm.cloud.arm.operations.fail_next("cacheRules", "UpstreamNotSupported", "Not that one.")
        operation = await accepted(arm, registries)

        failure = await registries.until_ended(arm.registry_id, operation)

        assert isinstance(failure, PermanentError)
        assert failure.code == "UpstreamNotSupported"
        assert "Not that one." in str(failure)
        assert {e.status for e in arm.exchanges.exchanges("arm", path=POLLS)} == {200}

    async def test_a_failure_that_passes_is_a_temporary_one(self, arm: ServedArm, registries: Registries) -> None:
        """It is the operation's end all the same, and no trouble with asking."""
        arm.cloud.arm.operations.fail_next("cacheRules", "InternalServerError", "Try again.")
        failure = await registries.until_ended(arm.registry_id, await accepted(arm, registries))

        assert isinstance(failure, TemporaryError)

    async def test_trouble_with_asking_is_raised(self, arm: ServedArm, registries: Registries) -> None:
        """The operation goes on, and is asked about later."""
        operation = await accepted(arm, registries)
        arm.faults.add(FaultRule(path=POLLS, status=429, headers={"Retry-After": "7"}, times=1))
        with pytest.raises(TemporaryError) as caught:
            await registries.until_ended(arm.registry_id, operation)

        assert caught.value.retry_after == 7
        assert await registries.until_ended(arm.registry_id, operation) is None


class TestUntold:
    """ARM does not tell; the rule does."""

    @pytest.mark.parametrize("status", [403, 404, 410])
    async def test_an_operation_that_is_forgotten(self, arm: ServedArm, registries: Registries, status: int) -> None:
        """The state that it left is all there is to know."""
        operation = await accepted(arm, registries)
        arm.faults.add(FaultRule(path=POLLS, status=status, body={"error": {"code": "Gone", "message": "Gone."}}))

        assert await registries.until_ended(arm.registry_id, operation) is None

    async def test_one_that_failed_and_is_forgotten(self, arm: ServedArm, registries: Registries) -> None:
        """That it failed is known, and why is not; making it again tells."""
        arm.cloud.arm.operations.fail_next("cacheRules", "UpstreamNotSupported", "Not that one.")
        operation = await accepted(arm, registries)
        arm.faults.add(FaultRule(path=POLLS, status=404))

        assert isinstance(await registries.until_ended(arm.registry_id, operation), OperationUntold)
        await make(registries, arm.registry_id, ALPINE)
        assert arm.writes() == [f"PUT {ALPINE.name}"] * 2

    async def test_a_rule_that_is_gone_by_then(self, arm: ServedArm, registries: Registries) -> None:
        """The next plan sees that it is missing."""
        operation = await accepted(arm, registries)
        await registries.until_ended(arm.registry_id, operation)
        arm.cloud.registry.rules.clear()
        arm.faults.add(FaultRule(path=POLLS, status=404))

        assert await registries.until_ended(arm.registry_id, operation) is None

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {
                "Azure-AsyncOperation": "https://elsewhere.example{registry}/cacheRules/x/operationStatuses/1?api-version=1"
            },
            {"Location": "/relative?api-version=1"},
            {"Location": "https://arm:port{registry}/cacheRules/x/operationStatuses/1?api-version=1"},
            {"Location": "https://[arm{registry}/cacheRules/x/operationStatuses/1?api-version=1"},
        ],
        ids=["none", "another host", "no host", "no port", "no address"],
    )
    async def test_an_answer_that_names_no_address_of_ours(
        self, arm: ServedArm, registries: Registries, headers: dict[str, str]
    ) -> None:
        """A token goes to our endpoint and nowhere else."""
        body = {"name": ALPINE.name, "properties": {"provisioningState": "Creating"}}
        told = {name: value.format(registry=arm.registry_id) for name, value in headers.items()}
        arm.faults.add(FaultRule(method="PUT", phase=Phase.AFTER, status=201, headers=told, body=body, times=1))
        operation = await accepted(arm, registries)

        assert operation.status == ""
        assert await registries.until_ended(arm.registry_id, operation) is None
        assert arm.exchanges.exchanges("arm", path=POLLS) == []

    @pytest.mark.parametrize(
        "status",
        [
            "//elsewhere.example/operationStatuses/1?api-version=2025-11-01",
            "@elsewhere.example/operationStatuses/1?api-version=2025-11-01",
            "{registry}/cacheRules/x/operationStatuses/../../../y?api-version=2025-11-01",
            "{registry}/cacheRules/x?api-version=2025-11-01",
            "{registry}/cacheRules/x/operationStatuses/1",
            "{registry}/cacheRules/x/operationStatuses/1?api-version=1#y",
            "/subscriptions/{other}/providers/Microsoft.ContainerRegistry/operationStatuses/1?api-version=1",
            "/subscriptions/{subscription}/providers/Microsoft.KeyVault/operationStatuses/1?api-version=1",
            "{registry}/cacheRules/x/operationStatuses/" + "1" * 5000 + "?api-version=1",
            "/subscriptions/{subscription}" + "/providers/microsoft.containerregistry" * 10_000,
        ],
    )
    async def test_a_row_that_somebody_changed(self, arm: ServedArm, registries: Registries, status: str) -> None:
        """Nothing but the rule is asked for."""
        subscription = arm.registry_id.split("/")[2]
        changed = status.format(registry=arm.registry_id, subscription=subscription, other="1" * 8 + subscription[8:])
        await make(registries, arm.registry_id, ALPINE)
        before = len(arm.exchanges.exchanges())

        assert await registries.until_ended(arm.registry_id, Operation(RESOURCE, changed)) is None
        [asked] = arm.exchanges.exchanges()[before:]
        assert asked.url.partition("?")[0].endswith(f"{arm.registry_id}/{RESOURCE}")


class TestForms:
    """The forms in which ARM tells of operations."""

    async def test_location_tells_by_202_and_then_by_the_resource(self, arm: ServedArm, registries: Registries) -> None:
        """An answer without a status is the resource itself."""
        operation = await accepted(arm, registries)
        arm.faults.add(FaultRule(path=POLLS, status=202, headers={"Retry-After": "0"}, times=2))
        resource = {"name": ALPINE.name, "properties": {"provisioningState": "Succeeded"}}
        arm.faults.add(FaultRule(path=POLLS, status=200, body=resource))

        assert await registries.until_ended(arm.registry_id, operation) is None
        assert len(arm.exchanges.exchanges("arm", path=POLLS)) == 3

    async def test_204_is_success(self, arm: ServedArm, registries: Registries) -> None:
        """There is no document to read."""
        operation = await accepted(arm, registries)
        arm.faults.add(FaultRule(path=POLLS, status=204))

        assert await registries.until_ended(arm.registry_id, operation) is None

    async def test_one_that_was_canceled_says_so(self, arm: ServedArm, registries: Registries) -> None:
        """Without words of Azure's, ours say what is known."""
        operation = await accepted(arm, registries)
        arm.faults.add(FaultRule(path=POLLS, status=200, body={"status": "Canceled"}))
        failure = await registries.until_ended(arm.registry_id, operation)

        assert failure is not None
        assert (failure.code, failure.retryable) == ("OperationCanceled", False)

    @pytest.mark.parametrize("host", ["management.azure.com", "MANAGEMENT.azure.com:443"])
    def test_the_port_may_be_written_out(self, host: str) -> None:
        """ARM writes it into some of its addresses."""
        path = (
            f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/locations/westeurope"
            "/operationResults/operationStatuses/registries-1?api-version=2025-11-01&t=1&s=a_b-c%3D"
        )
        reader: Any = None
        operations = ArmOperations(reader, endpoint="https://management.azure.com", poll_s=1)
        answer = SimpleNamespace(headers={"Azure-AsyncOperation": f"https://{host}{path}"})

        assert operations.accepted(SUBSCRIPTION, RESOURCE, answer) == Operation(RESOURCE, path)


async def test_a_patient_wait_ends(arm: ServedArm) -> None:
    """An operation that takes too long is left for later."""
    adapter: ArmRegistries = arm.registries(patience_s=0.3)
    arm.cloud.arm.settings.operation_delay_s = 60
    operation = await accepted(arm, adapter)
    with pytest.raises(TemporaryError):
        await adapter.until_ended(arm.registry_id, operation)
    await adapter.aclose()
