"""What the tests of the registries have in common: Docker Hub's services and the calls that a user makes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from sandbox.frame.exchanges import ExchangeLog
from sandbox.hub.api_handlers import HubService
from sandbox.hub.auth_handlers import HubAuthService
from sandbox.hub.models import PREVIEW, Hub
from sandbox.hub.registry_handlers import HubRegistryService
from sandbox.oci.client import OciClient
from sandbox.oci.remote import Credentials
from tests.fixtures.serving import serving, session_certificates


class HubServices(msgspec.Struct, frozen=True):
    """Where Docker Hub's services listen, and what they have answered."""

    hub: Hub
    auth: str
    registry: str
    api: str
    exchanges: ExchangeLog

    def client(self, *, address: str | None = None) -> OciClient:
        """An OCI client that finds docker.io here, connecting from a loopback address."""
        tls = session_certificates().client_context()
        return OciClient(hosts={"docker.io": self.registry}, tls=tls, local_address=address)


@asynccontextmanager
async def serving_hub(hub: Hub) -> AsyncIterator[HubServices]:
    """Docker Hub's three services over TLS."""
    auth, api, exchanges = HubAuthService(hub), HubService(hub), ExchangeLog()
    registry = HubRegistryService(hub, auth)
    async with serving(auth, registry, api, exchanges=exchanges):
        yield HubServices(hub, auth.base_url, registry.base_url, api.base_url, exchanges)


class Reply(msgspec.Struct, frozen=True):
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: Any


async def call(
    http: aiohttp.ClientSession, method: str, url: str, *, token: str | None = None, **options: Any
) -> Reply:
    """One request, with a bearer token if there is one; the body comes back parsed where it is JSON."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    async with http.request(method, url, headers=headers | options.pop("headers", {}), **options) as response:
        text = await response.text()
        body = msgspec.json.decode(text) if text and "json" in response.content_type else text
        return Reply(response.status, response.headers, body)


async def registry_token(
    http: aiohttp.ClientSession,
    services: HubServices,
    *,
    repository: str = PREVIEW,
    login: tuple[str, str] | None = None,
) -> Reply:
    """Ask the token service for the right to pull from a repository."""
    query = {"service": "registry.docker.io", "scope": f"repository:{repository}:pull"}
    headers = {"Authorization": Credentials(*login).header()} if login is not None else {}
    return await call(http, "GET", f"{services.auth}/token", params=query, headers=headers)


async def manifest(  # noqa: PLR0913 - each is another way to ask
    http: aiohttp.ClientSession,
    services: HubServices,
    *,
    method: str = "GET",
    repository: str = PREVIEW,
    reference: str = "latest",
    login: tuple[str, str] | None = None,
) -> Reply:
    """Ask for a manifest with a fresh token, as the check of the pull limit does."""
    token = (await registry_token(http, services, repository=repository, login=login)).body["token"]
    return await call(http, method, f"{services.registry}/v2/{repository}/manifests/{reference}", token=token)


async def api_login(http: aiohttp.ClientSession, services: HubServices, identifier: str, secret: str) -> str:
    """A bearer token for the management API."""
    reply = await call(http, "POST", f"{services.api}/v2/auth/token", json={"identifier": identifier, "secret": secret})
    assert reply.status == 200, reply.body
    return str(reply.body["access_token"])
