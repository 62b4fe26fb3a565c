"""The registry, `registry-1.docker.io`: manifests count as pulls, blobs do not."""

from collections.abc import Iterable
from typing import ClassVar, Final

from aiohttp import web

from sandbox.frame.service import Refusal, Service
from sandbox.hub.auth_handlers import HubAuthService
from sandbox.hub.models import Hub
from sandbox.hub.pulls import Puller, anonymous_source
from sandbox.hub.refusals import (
    AbuseLimited,
    AuthenticationRequired,
    BlobUnknown,
    ManifestNotAccepted,
    ManifestUnknown,
    PageInvalid,
    RegistryRefusal,
)
from sandbox.oci.access import AccessToken, pull_of
from sandbox.oci.content import DOCKER_LIST
from sandbox.oci.store import Repository
from sandbox.oci.wire import (
    API_VERSION,
    bearer_token,
    blob_response,
    challenge,
    error_response,
    form_not_accepted,
    manifest_response,
    page,
)

_SERVICE: Final = "registry.docker.io"


class HubRegistryService(Service):
    """Docker Hub's registry, for pulls."""

    name: ClassVar[str] = "hub_registry"

    def __init__(self, hub: Hub, auth: HubAuthService) -> None:
        self._hub = hub
        self._auth = auth

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The service's routes."""
        return [
            web.get("/v2/", self._base),
            web.get("/v2/{name:.+}/manifests/{reference}", self._manifest),
            web.get("/v2/{name:.+}/blobs/{digest}", self._blob),
            web.get("/v2/{name:.+}/tags/list", self._tags),
        ]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """A registry's error document, and bare text for the abuse limit."""
        if isinstance(refusal, AbuseLimited):
            return web.Response(status=refusal.status, text=refusal.message)
        detail = refusal.detail if isinstance(refusal, RegistryRefusal) else None
        return error_response(refusal.status, refusal.code, refusal.message, detail)

    async def _base(self, request: web.Request) -> web.StreamResponse:
        self._hub.admit_request(request.remote or "")
        if self._token(request) is None:
            raise AuthenticationRequired(headers=self._challenge())
        return web.json_response({}, headers=API_VERSION)

    async def _manifest(self, request: web.Request) -> web.StreamResponse:
        puller, repository = self._authorize(request)
        reference = request.match_info["reference"]
        content = repository.manifest(reference)
        if content is None:
            raise ManifestUnknown(detail=f"unknown tag={reference}", headers=self._hub.limits.headers(puller))
        reason = form_not_accepted(request, content.media_type)
        if reason is not None and content.media_type != DOCKER_LIST:
            raise ManifestNotAccepted(reason=reason)
        if request.method == "HEAD":
            self._hub.limits.look(puller)
        else:
            self._hub.limits.admit(puller, content)
        return manifest_response(content, self._hub.limits.headers(puller))

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        _, repository = self._authorize(request)
        content = repository.blobs.get(request.match_info["digest"])
        if content is None:
            raise BlobUnknown(detail={"digest": request.match_info["digest"]})
        return blob_response(request, content)

    async def _tags(self, request: web.Request) -> web.StreamResponse:
        _, repository = self._authorize(request)
        try:
            tags, link = page(request, sorted(repository.tags))
        except ValueError as error:
            raise PageInvalid(detail={"n": request.query.get("n")}) from error
        return web.json_response({"name": repository.name, "tags": tags}, headers={**API_VERSION, **link})

    def _authorize(self, request: web.Request) -> tuple[Puller, Repository]:
        self._hub.admit_request(request.remote or "")
        name = request.match_info["name"]
        token = self._token(request)
        repository = self._hub.images.find(name)
        if token is None or not token.allows(pull_of(name)) or repository is None:
            problem = "" if not bearer_token(request) else "invalid_token" if token is None else "insufficient_scope"
            raise AuthenticationRequired(
                detail=[{"Type": "repository", "Class": "", "Name": name, "Action": "pull"}],
                headers=self._challenge(str(pull_of(name)), problem),
            )
        if "account" in token.claims:
            return Puller(token.claims["id"], token.claims["account"], unlimited=token.claims["paid"]), repository
        return Puller(anonymous_source(request.remote or "")), repository

    def _token(self, request: web.Request) -> AccessToken | None:
        token = self._hub.registry_tokens.read(bearer_token(request))
        return token if token is not None and token.claims.get("service") == _SERVICE else None

    def _challenge(self, scope: str = "", error: str = "") -> dict[str, str]:
        return challenge(realm=f"{self._auth.base_url}/token", service=_SERVICE, scope=scope, error=error)
