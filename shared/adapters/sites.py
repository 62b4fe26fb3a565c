"""What App Service's sites run, by the site's own document in ARM.

The traps: `siteConfig` is null for whoever may not see it, and a site without a container says `PYTHON|3.13` there. A
site's id comes out of a log row, so it is checked before it becomes a path that the app's token is sent to.
"""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.adapters.arm_clients import ArmEndpoint, ArmReader
from shared.adapters.arm_ids import site_id as checked
from shared.adapters.azure_errors import azure_call, error_code
from shared.application.sites_ports import Sites
from shared.telemetry import get_logger
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_API_VERSION: Final = "2023-12-01"
_UNREADABLE: Final = frozenset({403, 404})
_DEADLINE_S: Final = 30.0

_log = get_logger(__name__)


class _Config(msgspec.Struct, frozen=True, rename="camel"):
    linux_fx_version: str | None = None


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    site_config: _Config | None = None


class _Document(msgspec.Struct, frozen=True):
    properties: _Properties | None = None


class ArmSites(Sites):
    """Sites through ARM (Web Apps - Get, documented); the client is made on first use, closed by `aclose`."""

    def __init__(
        self,
        credential: "AsyncTokenCredential",
        *,
        endpoint: str = "https://management.azure.com",
        audience: str = "https://management.azure.com",
        **options: Any,
    ) -> None:
        self._reader = ArmReader(credential, ArmEndpoint(endpoint, audience, options))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._reader.aclose()

    async def linux_fx_version(self, site_id: str) -> str | None:
        """What a site or slot runs, None where it says nothing or may not be read; raises `ArmIdInvalid`."""
        from azure.core.exceptions import HttpResponseError

        site = checked(site_id)
        async with azure_call(
            Outside.ARM_READ_SITE, f"reading the site {site.rpartition('/')[2]}", deadline_s=_DEADLINE_S
        ):
            try:
                document = await self._reader.get(site, **{"api-version": _API_VERSION})
            except HttpResponseError as error:
                if error.status_code not in _UNREADABLE:
                    raise
                _log.warning("site.unreadable", site=site, status=error.status_code, code=error_code(error))
                return None
        return _version(document)


def _version(document: Any) -> str | None:
    try:
        properties = msgspec.convert(document, _Document).properties
    except msgspec.ValidationError:
        return None
    config = properties.site_config if properties is not None else None
    return config.linux_fx_version or None if config is not None else None
