"""Who the app is towards Azure: its managed identity, or the developer's own login where there is none.

The traps: azure-identity costs 0.4 s of a cold start, so it is imported with the first token; where many wait for the
same token it asks once for each; and a caller that gives up after its own deadline would take the request down with it,
so that a slow identity endpoint would never be got past.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from shared.adapters.azure_errors import IdentityUnavailable, one_line
from shared.telemetry.names import Outside
from shared.telemetry.spans import outside

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential

_SIGNS: Final = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_CLIENT_ID")

type _Request = tuple[tuple[str, ...], tuple[tuple[str, Any], ...]]


def has_managed_identity(environ: Mapping[str, str]) -> bool:
    """Whether the environment offers a managed identity, as App Service and Functions do (documented)."""
    return any(environ.get(name) for name in _SIGNS)


class AppIdentity:
    """The credential that all adapters of a process share; closed by `close`, once, after them."""

    def __init__(self, *, managed: bool, client_id: str | None = None) -> None:
        """Nothing is imported or asked yet.

        Args:
            managed: use the managed identity; else the developer's login (azure-cli, Visual Studio Code, …).
            client_id: the user-assigned managed identity; None is the system-assigned one.
        """
        self._managed = managed
        self._client_id = client_id
        self._made: AsyncTokenCredential | None = None
        self._running: dict[_Request, asyncio.Task[AccessToken]] = {}

    async def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """A token for the scopes; the SDK caches it. Callers that wait for the same one share one request.

        Raises:
            IdentityUnavailable: there is no such identity, or its endpoint is in trouble, which looks the same.
        """
        request: _Request = (scopes, tuple(sorted(options.items())))
        task = self._running.get(request)
        if task is None:
            task = asyncio.create_task(self._asked(scopes, options))
            self._running[request] = task
            task.add_done_callback(lambda done: self._ended(request, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Close the connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    async def __aenter__(self) -> Self:
        """SDK clients enter their credential; it stays open for the others."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """SDK clients leave their credential; it stays open for the others."""

    async def _asked(self, scopes: tuple[str, ...], options: Mapping[str, Any]) -> "AccessToken":
        from azure.core.exceptions import AzureError

        with outside(Outside.IDENTITY_TOKEN):
            try:
                return await self._credential().get_token(*scopes, **options)
            except AzureError as error:
                # As our own error: an SDK's would be taken for the service's, whose client then tries again on top.
                raise IdentityUnavailable(f"no token for {' '.join(scopes)}: {one_line(str(error))}") from error

    def _ended(self, request: _Request, task: "asyncio.Task[AccessToken]") -> None:
        self._running.pop(request, None)
        if not task.cancelled():
            task.exception()  # looked at, so that a failure that nobody waits for any more is no noise

    def _credential(self) -> "AsyncTokenCredential":
        if self._made is None:
            from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

            if self._managed:
                self._made = ManagedIdentityCredential(client_id=self._client_id)
            else:
                self._made = DefaultAzureCredential(exclude_managed_identity_credential=True)
        return self._made
