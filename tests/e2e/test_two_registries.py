"""One cluster that two registries serve, each with a login server of its own and in a mode of its own."""

from typing import Any

import aiohttp

from sandbox import scenario
from sandbox.demo.stage import Stage
from sandbox.waiting import until
from tests.fixtures.app import OpenStage, exhaust_and_fail, fire, rules_of

OTHER = "fabrikam"
NGINX = "docker.io/library/nginx"


def both_serve(policy: str) -> str:
    """The scenario's policy with a second registry for the cluster, in which a person agrees first."""
    other = f"  - id: {scenario.registry_id(OTHER)}\n    mode: approve\n    serves: [{scenario.CLUSTER_ID}]\n"
    return policy.replace("sources:\n", f"{other}sources:\n")


async def states(stage: Stage) -> dict[str, dict[str, Any]]:
    """The incidents by their registry's name."""
    found = [(await stage.get(f"incidents/{one['id']}"))["incident"] for one in await stage.get("incidents")]
    return {incident["registry_id"].rpartition("/")[2]: incident for incident in found}


async def approve(stage: Stage, incident: dict[str, Any]) -> int:
    """Agree to an incident's plan; the answer's status."""
    headers = {"x-functions-key": stage.host.keys.function}
    url = f"{stage.host.url}/api/incidents/{incident['id']}/approve"
    answer = {"by": "ada@contoso.com", "plan": incident["proposal"]["plan"]}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=answer) as response:
        return response.status


async def test_each_is_cured_in_its_own_mode(open_stage: OpenStage) -> None:
    """The first at once, the second after a yes; each is pulled through, and pods start from both."""
    async with open_stage(registries=(OTHER,), policy_edit=both_serve) as stage:
        await exhaust_and_fail(stage, "nginx:1.27")
        await fire(stage)
        seen: dict[str, dict[str, Any]] = {}

        async def reached(**wanted: str) -> None:
            async def look() -> bool:
                seen.clear()
                seen.update(await states(stage))
                return {name: incident["state"] for name, incident in seen.items()} == wanted

            await until(look, seconds=60, every_s=0.1)

        await reached(contoso="verified", fabrikam="awaiting_approval")
        assert rules_of(stage) == {NGINX: "docker-hub/library/nginx"}
        assert rules_of(stage, OTHER) == {}

        assert await approve(stage, seen[OTHER]) == 200
        await reached(contoso="verified", fabrikam="verified")

        assert rules_of(stage, OTHER) == {NGINX: "docker-hub/library/nginx"}
        for name, incident in seen.items():
            [pull_from] = incident["pull_from"].values()
            assert pull_from == f"{stage.world.data_planes[name].host}/docker-hub/library/nginx:1.27"
            assert await stage.world.cluster.start_pod(pull_from, namespace="shop") is not None
        assert len({incident["pull_from"][f"{NGINX}:1.27"] for incident in seen.values()}) == 2
        assert len(stage.world.exchanges.exchanges("arm", method="PUT", path="/credentialSets/")) == 2
