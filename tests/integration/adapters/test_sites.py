"""What sites run: the same promise of the fake and of ARM, and ids that must never become a path."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.arm.models import SITE_TYPE
from sandbox.arm.roles import CACHEWARDEN_SITE_READER
from sandbox.frame.faults import FaultRule
from shared.adapters.arm_ids import ArmIdInvalid
from shared.adapters.sites import ArmSites
from shared.application.sites_ports import Sites
from shared.errors import PermanentError, TemporaryError
from tests.fakes.sites import FakeSites
from tests.integration.adapters.support import ServedArm
from tests.integration.sandbox.cloud.support import GROUP, SUBSCRIPTION

GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
SITE = f"{GROUP_ID}/providers/{SITE_TYPE}/shop-web"
VERSIONS = {SITE: "DOCKER|nginx:1.27", f"{SITE}/slots/staging": "DOCKER|redis:7", f"{SITE}-empty": None}


@pytest_asyncio.fixture
async def arm_sites(arm: ServedArm) -> AsyncIterator[ArmSites]:
    """The adapter over a Resource Manager that has the sites, whose properties the app may read."""
    arm.cloud.access.grant(arm.cloud.app.object_id, CACHEWARDEN_SITE_READER, GROUP_ID)
    for name, kind in (("shop-web", SITE_TYPE), ("shop-web/staging", f"{SITE_TYPE}/slots")):
        site = SITE if kind == SITE_TYPE else f"{SITE}/slots/staging"
        config = {"siteConfig": {"linuxFxVersion": VERSIONS[site]}}
        arm.cloud.arm.inventory.add(kind, name, subscription=SUBSCRIPTION, group=GROUP, properties=config)
    arm.cloud.arm.inventory.add(
        SITE_TYPE, "shop-web-empty", subscription=SUBSCRIPTION, group=GROUP, properties={"siteConfig": None}
    )
    adapter = ArmSites(arm.cloud.credential(), endpoint=arm.address, **arm.trusting)
    yield adapter
    await adapter.aclose()


@pytest.fixture(params=["memory", "arm"])
def sites(request: pytest.FixtureRequest) -> Sites:
    """The port, once in memory and once on ARM."""
    if request.param == "arm":
        adapter: ArmSites = request.getfixturevalue("arm_sites")
        return adapter
    fake = FakeSites()
    fake.versions = {site.lower(): version for site, version in VERSIONS.items()}
    return fake


class TestSites:
    """The port's promise."""

    @pytest.mark.parametrize("site", VERSIONS)
    async def test_what_a_site_runs(self, sites: Sites, site: str) -> None:
        """A site, a slot, and a site that says nothing, by ids in any letter case."""
        assert await sites.linux_fx_version(site) == VERSIONS[site]
        assert await sites.linux_fx_version(site.lower()) == VERSIONS[site]

    async def test_a_site_that_is_not_there(self, sites: Sites) -> None:
        """It was deleted since it failed; that is no error."""
        assert await sites.linux_fx_version(f"{SITE}-gone") is None


class TestArm:
    """What only ARM can do."""

    @pytest.mark.usefixtures("arm_sites")
    async def test_a_site_that_may_not_be_read(self, arm: ServedArm) -> None:
        """Without the role there is no answer, and no error that stops the other failures."""
        stranger = arm.cloud.credential(arm.cloud.directory.create("stranger"))
        adapter = ArmSites(stranger, endpoint=arm.address, **arm.trusting)
        assert await adapter.linux_fx_version(SITE) is None
        await adapter.aclose()
        assert arm.exchanges.exchanges("arm")[-1].status == 403

    @pytest.mark.parametrize(
        "site",
        [
            "",
            SITE + "?x=1",
            SITE + "/config/appsettings/list",
            SITE + "/../../../providers/Microsoft.KeyVault/vaults/v",
            SITE + "%2f..",
            SITE + "/slots/a/slots/b",
            SITE + "\n",
            SITE.replace("rg", ".."),
            f"https://elsewhere.example{SITE}",
            f"{GROUP_ID}/providers/Microsoft.KeyVault/vaults/contoso-kv",
        ],
    )
    async def test_other_ids(self, arm: ServedArm, arm_sites: ArmSites, site: str) -> None:
        """A text from a log never chooses another path: nothing is sent."""
        with pytest.raises(ArmIdInvalid):
            await arm_sites.linux_fx_version(site)
        assert arm.exchanges.exchanges() == []

    @pytest.mark.parametrize("body", [[], {}, {"properties": {"siteConfig": {"linuxFxVersion": 3}}}, {"properties": 1}])
    async def test_another_document(self, arm: ServedArm, arm_sites: ArmSites, body: object) -> None:
        """An answer of another shape says nothing."""
        arm.faults.add(FaultRule(service="arm", status=200, body=body))
        assert await arm_sites.linux_fx_version(SITE) is None

    async def test_trouble(self, arm: ServedArm, arm_sites: ArmSites) -> None:
        """What passes by itself and what does not are told apart."""
        arm.faults.add(FaultRule(service="arm", status=503, times=10))
        with pytest.raises(TemporaryError):
            await arm_sites.linux_fx_version(SITE)
        arm.faults.clear()
        error = {"error": {"code": "NoRegisteredProviderFound", "message": "no"}}
        arm.faults.add(FaultRule(service="arm", status=400, body=error))
        with pytest.raises(PermanentError, match="NoRegisteredProviderFound"):
            await arm_sites.linux_fx_version(SITE)
