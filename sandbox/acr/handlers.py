"""The registry as a service: sign-in, registry API and ACR's own API on one address, as a login server has them."""

from collections.abc import Iterable
from typing import ClassVar

from aiohttp import web

from sandbox.acr.attribute_handlers import AttributeHandlers
from sandbox.acr.models import Acr
from sandbox.acr.oauth_handlers import OAuthHandlers
from sandbox.acr.refusals import AcrRefusal
from sandbox.acr.registry_handlers import RegistryHandlers
from sandbox.frame.service import Refusal, Service
from sandbox.oci.wire import error_response


class AcrService(Service):
    """One registry's login server."""

    name: ClassVar[str] = "registry"

    def __init__(self, acr: Acr) -> None:
        self._acr = acr
        acr.served_by(self)
        self._parts = (OAuthHandlers(acr.gate), RegistryHandlers(acr), AttributeHandlers(acr))

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The service's routes."""
        for part in self._parts:
            yield from part.routes()

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """A registry's error document."""
        detail = refusal.detail if isinstance(refusal, AcrRefusal) else None
        return error_response(refusal.status, refusal.code, refusal.message, detail)

    async def close(self) -> None:
        """Stop what is under way."""
        await self._acr.close()
