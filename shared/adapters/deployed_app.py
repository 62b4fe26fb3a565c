"""A deployed app as a person sees it: its settings, and who its identity is.

The traps: settings are listed by a POST, since they may hold secrets, and need a right of their own; and an app may
have several identities, of which AZURE_CLIENT_ID says which one the code signs in as.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.adapters.arm_clients import ArmEndpoint, ArmReader
from shared.adapters.arm_ids import site_id as checked
from shared.adapters.azure_errors import azure_call
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_API_VERSION: Final = "2023-12-01"
_DEADLINE_S: Final = 30.0


class _Identity(msgspec.Struct, frozen=True, rename="camel"):
    principal_id: str = ""
    client_id: str = ""
    user_assigned_identities: dict[str, "_Identity"] | None = None


class _Site(msgspec.Struct, frozen=True):
    identity: _Identity | None = None


class _Settings(msgspec.Struct, frozen=True):
    properties: dict[str, str]


class DeployedApp(msgspec.Struct, frozen=True):
    """What Resource Manager says about the app.

    Attributes:
        settings: its app settings; they may hold secrets.
        principal: the object id of the identity that its code signs in as, None when it has none.
    """

    settings: Mapping[str, str]
    principal: str | None

    def __repr__(self) -> str:
        """Without the settings."""
        return f"DeployedApp(principal={self.principal!r})"


async def read_deployed_app(
    credential: "AsyncTokenCredential", site_id: str, *, endpoint: str, audience: str, **options: Any
) -> DeployedApp:
    """The app of an ARM id (Web Apps - Get, List Application Settings; documented).

    Raises:
        ArmIdInvalid: the id is none of a site.
        PermanentError: there is no such app, or its settings may not be read; `code` is ARM's own.
    """
    reader = ArmReader(credential, ArmEndpoint(endpoint, audience, options))
    site = checked(site_id)
    version = {"api-version": _API_VERSION}
    try:
        async with azure_call(
            Outside.ARM_LOOK_AROUND, f"reading the app {site.rpartition('/')[2]}", deadline_s=_DEADLINE_S
        ):
            found = msgspec.convert(await reader.get(site, **version), _Site)
            listed = await reader.list_secrets(f"{site}/config/appsettings/list", **version)
            settings = msgspec.convert(listed, _Settings).properties
    finally:
        await reader.aclose()
    return DeployedApp(settings, _principal(found.identity, settings.get("AZURE_CLIENT_ID", "")))


def _principal(identity: _Identity | None, client_id: str) -> str | None:
    if identity is None:
        return None
    for one in (identity.user_assigned_identities or {}).values():
        if one.client_id.lower() == client_id.lower():
            return one.principal_id
    return identity.principal_id or None
