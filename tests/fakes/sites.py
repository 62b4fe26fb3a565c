"""App Service in memory."""

from shared.application.sites_ports import Sites
from tests.fakes.azure import Troubled


class FakeSites(Troubled, Sites):
    """Sites by their ids in lower case; one that is not there can't be read."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, str | None] = {}

    async def linux_fx_version(self, site_id: str) -> str | None:
        """What the site runs."""
        self._called(site_id)
        return self.versions.get(site_id.lower())
