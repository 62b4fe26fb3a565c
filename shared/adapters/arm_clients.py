"""Clients of Azure Resource Manager: all with the same endpoint, audience and limits.

The traps: the SDKs take the token's audience from the public cloud whatever the endpoint is (observed), so both are
given; and a `nextLink` is a URL out of an answer, which is followed only where the token may go.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.adapters.azure_errors import error_code
from shared.adapters.clients import client_options
from shared.domain.json_reader import read_json
from shared.errors import PermanentError

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_MOST_PAGES: Final = 100


class ForeignLink(PermanentError):
    """An answer points to another host for its next page."""

    code = "foreign_link"
    hint = "Something between the app and Azure changes answers; nothing was sent to the other host."


class ArmEndpoint(msgspec.Struct, frozen=True):
    """Where ARM is, what its tokens are made for, and more options of the SDK's clients."""

    address: str
    audience: str
    options: Mapping[str, Any] = {}

    @property
    def scope(self) -> str:
        """The scope to ask a token for."""
        return f"{self.audience.rstrip('/')}/.default"

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of a management client."""
        return client_options() | {"base_url": self.address, "credential_scopes": [self.scope]} | dict(self.options)


class PerSubscription:
    """One client per subscription, made on first use, closed by `aclose`."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._make = make
        self._made: dict[str, Any] = {}

    def of(self, subscription: str) -> Any:
        """The client of a subscription."""
        if subscription not in self._made:
            self._made[subscription] = self._make(subscription)
        return self._made[subscription]

    async def aclose(self) -> None:
        """Close the connections."""
        made, self._made = self._made, {}
        for client in made.values():
            await client.close()


def registry_clients(credential: "AsyncTokenCredential", endpoint: ArmEndpoint) -> PerSubscription:
    """Clients for registries."""

    def make(subscription: str) -> Any:
        from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient

        return ContainerRegistryManagementClient(credential, subscription, **endpoint.arguments())

    return PerSubscription(make)


def authorization_clients(credential: "AsyncTokenCredential", endpoint: ArmEndpoint) -> PerSubscription:
    """Clients for role assignments."""

    def make(subscription: str) -> Any:
        from azure.mgmt.authorization.v2022_04_01.aio import AuthorizationManagementClient

        return AuthorizationManagementClient(credential, subscription, **endpoint.arguments())

    return PerSubscription(make)


class Answer(msgspec.Struct, frozen=True):
    """What ARM answered; `body` is the document, None where there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class _Page(msgspec.Struct, rename="camel"):
    value: list[Any] = []
    next_link: str | None = None


class ArmReader:
    """Plain requests for what no management SDK that we have covers; made on first use, closed by `aclose`."""

    def __init__(self, credential: "AsyncTokenCredential", endpoint: ArmEndpoint) -> None:
        self._credential = credential
        self._endpoint = endpoint
        self._made: Any = None

    async def get(self, path: str, **query: str) -> Any:
        """The document at a path."""
        return await self._send(self._endpoint.address + path, query)

    async def list_secrets(self, path: str, **query: str) -> Any:
        """The document that ARM gives for a POST: what holds secrets has no GET."""
        return await self._send(self._endpoint.address + path, query, method="POST")

    async def look(self, path: str) -> Answer:
        """The whole answer at a path with its query, whatever status of success it has."""
        response = await self._respond(self._endpoint.address + path, {})
        return Answer(response.status_code, response.headers, read_json(response.content) if response.content else None)

    async def items(self, path: str, **query: str) -> AsyncIterator[Any]:
        """The items of a list, page by page.

        Raises:
            ForeignLink: a page's successor is elsewhere.
        """
        url, parameters = self._endpoint.address + path, query
        for _ in range(_MOST_PAGES):
            page = read_json((await self._respond(url, parameters)).content, _Page)
            for item in page.value:
                yield item
            if not page.next_link:
                return
            url, parameters = page.next_link, {}
            if not url.startswith(f"{self._endpoint.address}/"):
                raise ForeignLink(f"the list {path} goes on at another address than {self._endpoint.address}")

    async def aclose(self) -> None:
        """Close the connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    async def _send(self, url: str, query: Mapping[str, str], *, method: str = "GET", body: Any = None) -> Any:
        return read_json((await self._respond(url, query, method=method, body=body)).content)

    async def _respond(self, url: str, query: Mapping[str, str], *, method: str = "GET", body: Any = None) -> Any:
        from azure.core.rest import HttpRequest

        if self._made is None:
            self._made = self._connect()
        response = await self._made.send_request(HttpRequest(method, url, params=dict(query), json=body))
        response.raise_for_status()
        return response

    def _connect(self) -> Any:
        from azure.core.pipeline import policies
        from azure.mgmt.core import AsyncARMPipelineClient
        from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

        options = client_options() | dict(self._endpoint.options)
        chain = [
            policies.RequestIdPolicy(),
            policies.UserAgentPolicy(**options),
            policies.AsyncRetryPolicy(**options),
            AsyncARMChallengeAuthenticationPolicy(self._credential, self._endpoint.scope),
        ]
        return AsyncARMPipelineClient(self._endpoint.address, policies=chain, **options)


class ArmWriter(ArmReader):
    """The same with plain PUTs."""

    async def put(self, path: str, body: Any, **query: str) -> Any:
        """The answer to a document that is put at a path."""
        return await self._send(self._endpoint.address + path, query, method="PUT", body=body)


async def all_read[T](listed: Any, read: Callable[[Any], T]) -> list[T]:
    """Every document of a list of the SDK's, read."""
    return [read(document) async for document in listed]


async def read_if_there[T](reading: Awaitable[Any], read: Callable[[Any], T]) -> T | None:
    """What was read, None when it is not there; a registry that is not there is another matter and stays an error."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return read(await reading)
    except ResourceNotFoundError as error:
        if error_code(error) in {"ParentResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"}:
            raise
        return None
