"""What was deployed around the app: ids that must never become a path, and answers of another form."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sandbox.arm.models import SYSTEM_TOPIC_TYPE
from sandbox.arm.roles import ACR_PULL, READER
from sandbox.frame.faults import FaultRule
from shared.adapters.arm_ids import ArmIdInvalid
from shared.adapters.surroundings import ArmSurroundings
from shared.errors import PermanentError, TemporaryError
from tests.integration.adapters.support import ServedArm
from tests.integration.sandbox.cloud.support import GROUP, SUBSCRIPTION

GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"


@pytest_asyncio.fixture
async def around(arm: ServedArm) -> AsyncIterator[ArmSurroundings]:
    """The adapter as somebody who may read everything."""
    person = arm.cloud.directory.create("person")
    arm.cloud.access.grant(person.object_id, READER, f"/subscriptions/{SUBSCRIPTION}")
    adapter = ArmSurroundings(arm.cloud.credential(person), endpoint=arm.address, **arm.trusting)
    yield adapter
    await adapter.aclose()


class TestIds:
    """Ids come from the policy, from settings and from ARM's own answers."""

    @pytest.mark.parametrize(
        "scope",
        [
            "",
            "/",
            f"{GROUP_ID}/../../x",
            f"{GROUP_ID}?x=1",
            f"{GROUP_ID}/providers/Microsoft.KeyVault/vaults",
            f"{GROUP_ID}/providers/Microsoft.KeyVault/vaults/v\n",
            f"https://elsewhere.example{GROUP_ID}",
            "/" + "a/" * 2000,
        ],
    )
    async def test_other_ids(self, arm: ServedArm, around: ArmSurroundings, scope: str) -> None:
        """Nothing is sent."""
        for asked in (around.grants(scope, None), around.event_subscriptions(scope), around.workspace_id(scope)):
            with pytest.raises(ArmIdInvalid):
                await asked
        assert arm.exchanges.exchanges() == []

    async def test_another_principal(self, arm: ServedArm, around: ArmSurroundings) -> None:
        """It stands in a filter, so nothing but a GUID does."""
        with pytest.raises(ArmIdInvalid):
            await around.grants(arm.registry_id, "x') or principalId eq ('y")
        assert arm.exchanges.exchanges() == []


class TestReading:
    """What ARM says."""

    async def test_who_asks(self, arm: ServedArm, around: ArmSurroundings) -> None:
        """By the token, without its text."""
        caller = await around.caller()

        person = next(one for one in arm.cloud.directory.identities() if one.name == "person")
        assert caller.object_id == person.object_id

    async def test_what_somebody_may_do(self, arm: ServedArm, around: ArmSurroundings) -> None:
        """One's own rights, and those of a principal by its role assignments."""
        [mine] = await around.grants(arm.registry_id, None)
        theirs = await around.grants(arm.registry_id, arm.cloud.app.object_id)

        assert mine.actions == ("*/read",)
        assert {action for one in theirs for action in one.actions} >= {
            "Microsoft.ContainerRegistry/registries/cacheRules/write"
        }

    async def test_who_may_pull(self, arm: ServedArm, around: ArmSurroundings) -> None:
        """A cluster whose kubelet has AcrPull on the registry; not one that has it elsewhere."""
        kind = "Microsoft.ContainerService/managedClusters"
        for name, scope in (("near", arm.registry_id), ("far", f"{GROUP_ID}/providers/{kind}/far")):
            kubelet = arm.cloud.directory.create(name).object_id
            arm.cloud.access.grant(kubelet, ACR_PULL, scope)
            profile = {"identityProfile": {"kubeletidentity": {"objectId": kubelet}}}
            arm.cloud.arm.inventory.add(kind, name, subscription=SUBSCRIPTION, group=GROUP, properties=profile)

        assert await around.attached_clusters(arm.registry_id) == (f"{GROUP_ID}/providers/{kind}/near",)

    async def test_a_topic_of_another_source(self, arm: ServedArm, around: ArmSurroundings) -> None:
        """Its subscriptions are none of ours."""
        where: dict[str, Any] = {"subscription": SUBSCRIPTION, "group": GROUP}
        arm.cloud.arm.inventory.add(SYSTEM_TOPIC_TYPE, "other", **where, properties={"source": f"{arm.registry_id}2"})

        assert await around.event_subscriptions(arm.registry_id) == ()


class TestTrouble:
    """What else may come."""

    @pytest.mark.parametrize("body", [[], {"properties": 1}, {"properties": {"provisioningState": 3}}])
    async def test_another_form(self, arm: ServedArm, around: ArmSurroundings, body: object) -> None:
        """Is no answer, and may be one later."""
        arm.faults.add(FaultRule(service="arm", status=200, body=body))
        with pytest.raises(TemporaryError, match="another form"):
            await around.registry(arm.registry_id)

    @pytest.mark.parametrize("body", [[], {"value": 1}, {"value": [], "nextLink": 7}])
    async def test_a_list_in_another_form(self, arm: ServedArm, around: ArmSurroundings, body: object) -> None:
        """The same."""
        arm.faults.add(FaultRule(service="arm", status=200, body=body))
        with pytest.raises(TemporaryError) as caught:
            await around.alert_rules(GROUP_ID)
        assert caught.value.code == "unreadable_answer"

    async def test_a_resource_that_is_not_there(self, around: ArmSurroundings) -> None:
        """Somebody has to change something."""
        with pytest.raises(PermanentError, match="ResourceNotFound"):
            await around.vault(f"{GROUP_ID}/providers/Microsoft.KeyVault/vaults/gone")
