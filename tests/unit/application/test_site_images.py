"""Failures at App Service's sites: the image that the text does not name, and what is not believed."""

import base64
from datetime import timedelta
from typing import Any

from shared.application.site_images import MOST_SITES
from shared.domain.incidents import IncidentState
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import CLUSTER, POLICY, SUBSCRIPTION, TestApplication

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg"
SITE = f"{GROUP}/providers/microsoft.web/sites/shop"
SERVING = POLICY.replace(f"serves: [{CLUSTER}]", f"serves: [{CLUSTER}, {GROUP}/providers/microsoft.web]")
LIMITED = (
    "DockerApiException: Docker API responded with status code=InternalServerError, response={"
    '"message":"toomanyrequests: You have reached your unauthenticated pull rate limit. '
    'https://www.docker.com/increase-rate-limit"}'
)
THROUGH_RULE = f"{LIMITED} for cache rule docker-io-nginx"


def limited(world: TestApplication, *sites: str, text: str = LIMITED) -> None:
    """Have the logs show that sites failed with a text that names no image."""
    now = world.clock.now()
    row: dict[str, Any] = {"Text": text, "Failures": 2.0, "FirstSeen": now - timedelta(minutes=3), "LastSeen": now}
    world.logs.rows["AppServicePlatformLogs"] = [row | {"Resource": site} for site in sites]


async def sources_after(world: TestApplication) -> set[str]:
    """The sources of the incidents that an alert leads to."""
    await world.alert()
    await world.work()
    return set(await world.all_incidents())


class TestSiteImages:
    """What the site runs becomes the image."""

    async def test_the_image_of_the_site_is_cached(self) -> None:
        """The whole way: the incident names the site's image and is verified."""
        world = TestApplication(SERVING)
        limited(world, SITE)
        world.sites.versions[SITE] = "DOCKER|nginx:1.27"

        assert await sources_after(world) == {"docker.io/library/nginx"}
        [incident] = (await world.all_incidents()).values()
        assert incident.state is IncidentState.VERIFIED
        assert "docker.io/library/nginx:1.27" in incident.images
        [workload] = incident.workloads["docker.io/library/nginx:1.27"]
        assert (workload.kind, workload.name, workload.resource_id) == ("WebApp", "shop", SITE)

    async def test_each_image_of_a_compose_file(self) -> None:
        """Which of them failed is not said; those of other registries were not stopped by Docker Hub's limit."""
        world = TestApplication(SERVING)
        limited(world, SITE)
        compose = (
            "services:\n a:\n  image: nginx\n b:\n  image: bitnami/redis:7\n c:\n  image: contoso.azurecr.io/app\n"
        )
        world.sites.versions[SITE] = "COMPOSE|" + base64.b64encode(compose.encode()).decode()

        assert await sources_after(world) == {"docker.io/library/nginx", "docker.io/bitnami/redis"}

    async def test_an_image_that_does_not_fit_is_not_believed(self) -> None:
        """A site with an image of its own registry was limited for something else: a sidecar, say."""
        world = TestApplication(SERVING)
        limited(world, SITE)
        world.sites.versions[SITE] = "DOCKER|contoso.azurecr.io/app:1"

        assert await sources_after(world) == set()

    async def test_a_limit_met_through_a_rule(self) -> None:
        """Then the registry pulled, and an image of Docker Hub itself does not fit."""
        world = TestApplication(SERVING)
        limited(world, SITE, text=THROUGH_RULE)
        world.sites.versions[SITE] = "DOCKER|nginx:1.27"

        assert await sources_after(world) == set()

    async def test_a_text_that_names_its_image_needs_no_site(self) -> None:
        """ARM is not asked for what is known."""
        world = TestApplication(SERVING)
        limited(world, SITE, text=f"docker pull redis:7 failed: {LIMITED}")
        world.failing("nginx:1.27")

        assert await sources_after(world) == {"docker.io/library/nginx", "docker.io/library/redis"}
        assert world.sites.calls == []

    async def test_sites_that_no_registry_serves_are_not_read(self) -> None:
        """The policy bounds what a log row can have the app look at."""
        world = TestApplication(POLICY)
        limited(world, SITE)
        world.sites.versions[SITE] = "DOCKER|nginx:1.27"

        assert await sources_after(world) == set()
        assert world.sites.calls == []

    async def test_each_site_once_and_not_too_many(self) -> None:
        """A storm of rows leads to a bounded number of reads."""
        world = TestApplication(SERVING)
        many = [f"{SITE}-{number}" for number in range(MOST_SITES + 5)]
        limited(world, *many, *many)
        world.sites.versions |= dict.fromkeys(many, "DOCKER|nginx:1.27")

        assert await sources_after(world) == {"docker.io/library/nginx"}
        assert sorted(world.sites.calls) == sorted(many[:MOST_SITES])


class TestTrouble:
    """A site that can't be read."""

    async def test_others_go_on(self) -> None:
        """A refused and a troubled site leave the failures of others as they are."""
        world = TestApplication(SERVING)
        other = f"{SITE}-other"
        limited(world, SITE, other)
        world.failing("nginx:1.27")
        world.sites.trouble[SITE].append(TemporaryError("busy"))
        world.sites.trouble[other].append(PermanentError("no"))

        assert await sources_after(world) == {"docker.io/library/nginx"}

    async def test_alone_it_is_tried_again(self) -> None:
        """Nothing else is known: the alert waits as a delayed message, and then the site answers."""
        world = TestApplication(SERVING)
        limited(world, SITE)
        world.sites.versions[SITE] = "DOCKER|nginx:1.27"
        world.sites.trouble[SITE].append(TemporaryError("busy"))
        await world.alert()
        await world.work()

        assert set(await world.all_incidents()) == {"docker.io/library/nginx"}
        assert world.sites.calls == [SITE, SITE]


class TestAuditLog:
    """`sources.audit_log`."""

    async def test_it_is_asked_only_where_somebody_opted_in(self) -> None:
        """The same rows, with and without the switch."""
        found = []
        for policy in (POLICY, POLICY.replace("sources:\n", "sources:\n  audit_log: true\n")):
            world = TestApplication(policy)
            world.failing("nginx:1.27")
            world.logs.rows["AKSAudit"] = world.logs.rows.pop("KubeEvents")
            found.append(await sources_after(world))

        assert found == [set(), {"docker.io/library/nginx"}]
