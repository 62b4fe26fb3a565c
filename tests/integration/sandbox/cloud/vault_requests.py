"""Requests to a vault without the SDK."""

from typing import Any

import aiohttp

from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.cloud.support import Cloud


async def ask(cloud: Cloud, method: str, path: str, **options: Any) -> tuple[int, Any, dict[str, str]]:
    """A request without the SDK, as its owner unless the headers say otherwise: status, body, headers."""
    token = cloud.authority.issue(
        audience="https://vault.azure.net", principal_id=cloud.app.object_id, client_id=cloud.app.client_id
    )
    headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
    connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, cloud.vault_service.base_url + path, headers=headers, **options) as response,
    ):
        return response.status, await response.json(), dict(response.headers)
