"""kill -9 of the host between any two steps of a rotation, and a restart: pulls never break, and one token is left.

Each moment is a request of the host that is held: it is killed while it waits, before the service has done anything,
or after it has done everything and the answer is lost.
"""

from typing import Any

import aiohttp
import pytest

from sandbox import scenario
from sandbox.demo.stage import Stage
from sandbox.frame.faults import FaultRule, Phase
from sandbox.waiting import until
from shared.domain.policy_file import load_policy
from shared.domain.rotation import label_prefix
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, settled

NGINX = "docker.io/library/nginx"
TOKENS = "/v2/access-tokens"


MOMENTS = {
    "after the mint": FaultRule(service="hub", method="POST", path=TOKENS, phase=Phase.AFTER, hold=True, times=1),
    "after the new version": FaultRule(
        service="vault", method="PUT", path="/secrets/dockerhub-token[^-]", phase=Phase.AFTER, hold=True, times=1
    ),
    "before the pull": FaultRule(service="registry", path="/manifests/", hold=True, times=1),
}
"""Where most is lost with the process; `test_rotation_points` has every point, without the host around it."""


async def rotate(stage: Stage) -> None:
    """Ask for a rotation, as a person does."""
    headers = {"x-functions-key": stage.host.keys.function}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{stage.host.url}/api/rotations/hub") as answer,
    ):
        assert answer.status == 202, await answer.text()


async def ended(stage: Stage, number: int) -> dict[str, Any]:
    """The rotation of that number, once it is settled; pulls through the cache have to work all the while."""
    found: dict[str, Any] = {}

    async def look() -> bool:
        await check_pulls(stage)
        try:
            report = await stage.get("rotations/hub")
        except aiohttp.ClientResponseError:  # 503: the storage is slow on a machine that is busy starting a host
            return False
        found.clear()
        found.update(report["rotations"][0])
        return found["number"] == number and found["state"] in {"succeeded", "failed"}

    try:
        await until(look, seconds=60, every_s=0.2)
    except TimeoutError:
        raise AssertionError(f"not settled: {found}\n{stage.host.log[-4000:]}") from None
    return found


async def check_pulls(stage: Stage) -> None:
    """The live pair is one that Docker Hub accepts, and the registry's credential set is healthy."""
    vault, hub = stage.world.vault, stage.world.hub
    assert await hub.accepts(vault.read("dockerhub-username").value, vault.read("dockerhub-token").value)
    [registry] = stage.world.arm.registries()
    for found in registry.credential_sets.values():
        assert (await stage.world.arm.health(found)).healthy


def check_tokens(stage: Stage, number: int) -> None:
    """One token of ours, which is live, and the one made by hand; no text of any outside the vault."""
    hub, policy = stage.world.hub, load_policy((stage.folder / "policy.yaml").read_text(encoding="utf-8"), path="p")
    tokens = hub.personal.of(hub.logins.accounts[scenario.ACCOUNT])
    prefix = label_prefix(policy.credentials["hub"])
    assert sorted(token.label for token in tokens) == sorted([f"{prefix}{number}", "made by hand"])
    assert [t.text for t in tokens if t.label != "made by hand"] == [stage.world.vault.read("dockerhub-token").value]
    exchanges = (stage.folder / "exchanges.jsonl").read_text(encoding="utf-8")
    for token in tokens:
        assert token.text not in stage.host.log
        assert token.text not in exchanges


class TestKill:
    """A host that dies in the middle of a rotation leaves nothing that the next one can't take further."""

    @pytest.mark.timeout(240)
    async def test_pulls_never_break(self, open_stage: OpenStage) -> None:
        """At each moment in turn: killed, started again, and the rotation ends as it would have."""
        async with open_stage(policy_edit=lambda text: text.replace("grace: 1d", "grace: 1s")) as stage:
            await exhaust_and_fail(stage, "nginx:1.27")
            await fire(stage)
            assert await settled(stage, 1) == {NGINX: "verified"}
            await rotate(stage)
            assert (await ended(stage, 1))["state"] == "succeeded"

            for number, (moment, rule) in enumerate(MOMENTS.items(), 2):
                fault = stage.world.faults.add(rule)
                await rotate(stage)
                await fault.wait_until_held()
                await stage.host.kill()
                stage.world.faults.clear()
                await check_pulls(stage)
                await stage.host.start()

                done = await ended(stage, number)
                assert done["state"] == "succeeded", (moment, done)
                assert "was served" in done["proofs"][0], moment
                check_tokens(stage, number)
