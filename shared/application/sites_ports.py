"""The port to App Service's sites."""

from typing import Protocol


class Sites(Protocol):
    """What App Service runs."""

    async def linux_fx_version(self, site_id: str) -> str | None:
        """What a site or slot runs (`DOCKER|nginx:1.27`), by its ARM id; None where it says nothing or may not be read.

        Raises:
            PermanentError: the id is none of a site, or ARM refuses for another reason than a missing right.
        """
