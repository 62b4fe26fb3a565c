"""Key Vault's events at the whole app: an end that comes near, and what we wrote ourselves."""

from datetime import timedelta
from http import HTTPStatus

from sandbox.topic.delivery import Subscription
from sandbox.vault.secrets import Attributes
from sandbox.waiting import until
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, settled

EVENTS = 3
"""The end that comes near, the staged copy, the new version."""


class TestVaultEvents:
    """The system topic of the vault, subscribed to as the operator guide says."""

    async def test_an_end_that_comes_near(self, open_stage: OpenStage) -> None:
        """One rotation, adopted and proven; the events of its own two new versions begin no other."""
        async with open_stage() as stage:
            await exhaust_and_fail(stage, "nginx:1.27")
            await fire(stage)
            await settled(stage, 1)
            await stage.world.delivery.subscribe(Subscription(name="vault", function="vault_events"))
            soon = stage.world.clock() + timedelta(days=5)
            stage.world.vault.update("dockerhub-token", attributes=Attributes(exp=int(soon.timestamp())))

            async def adopted() -> bool:
                rotations = (await stage.get("rotations/hub"))["rotations"]
                return bool(rotations) and rotations[0]["state"] == "retiring"

            await until(adopted, seconds=60, every_s=0.2)

            async def heard() -> bool:
                return (
                    len([one for one in stage.world.delivery.attempts if one.status == HTTPStatus.ACCEPTED]) >= EVENTS
                )

            await until(heard, seconds=20)
            [rotation] = (await stage.get("rotations/hub"))["rotations"]
            assert (rotation["number"], rotation["trigger"]) == (1, "near_expiry")
            assert "was served" in rotation["proofs"][0]

            async def told() -> bool:
                return "cachewarden.rotation.succeeded" in {one.event["type"] for one in stage.world.topic.events}

            await until(told, seconds=20)
