"""App Service: a refusal that names no image, and the rule for the image that the site runs."""

from datetime import timedelta

from sandbox import scenario
from sandbox.monitor.rules import AlertRule
from tests.fixtures.app import OpenStage, rules_of, settled

REFUSED = (
    "DockerApiException: Docker API responded with status code=InternalServerError, "
    'response={"message":"toomanyrequests: You have reached your unauthenticated pull rate limit. '
    'https://www.docker.com/increase-rate-limit"}'
)
RULE = AlertRule(
    name="app-service-pull-limit",
    workspace=scenario.WORKSPACE,
    query="AppServicePlatformLogs | where Message has 'toomanyrequests'",
    window=timedelta(minutes=5),
    description="A site could not pull its image.",
    stateful=True,
)


class TestAppService:
    """From the platform's log to a rule."""

    async def test_the_image_comes_from_the_site(self, open_stage: OpenStage) -> None:
        """The app asks Resource Manager what the site runs, with a role for nothing else, and caches that."""
        async with open_stage() as stage:
            row = {"Message": REFUSED, "Level": "Error", "_ResourceId": scenario.SITE_ID}
            stage.world.workspace.append("AppServicePlatformLogs", [row])
            stage.world.monitor.add(RULE)
            await stage.world.monitor.evaluate(RULE.name)

            states = await settled(stage, 1)

            assert states == {"docker.io/bitnami/redis": "verified"}
            assert rules_of(stage) == {"docker.io/bitnami/redis": "docker-hub/bitnami/redis"}
            read = stage.world.exchanges.exchanges("arm", path=f"/sites/{scenario.SITE}")
            assert [(exchange.method, exchange.status) for exchange in read] == [("GET", 200)]
