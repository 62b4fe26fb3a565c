"""`/v2`: pulls and pushes as the distribution specification has them."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from sandbox.acr.caller import Callers
from sandbox.acr.gate import CATALOG
from sandbox.acr.models import Acr
from sandbox.acr.paging import page_of
from sandbox.acr.refusals import ManifestNotAccepted, Unsupported
from sandbox.oci.access import Grant, pull_of
from sandbox.oci.content import Content, is_digest
from sandbox.oci.wire import API_VERSION, blob_response, form_not_accepted, manifest_response

ORIGIN: Final = {"X-Azure-Origin": "upstream"}


class RegistryHandlers:
    """The registry API."""

    def __init__(self, acr: Acr) -> None:
        self._acr = acr
        self._callers = Callers(acr)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The routes of the registry API; names hold slashes, so the longer paths come first."""
        uploads = "/v2/{name:.+}/blobs/uploads/"
        manifests = "/v2/{name:.+}/manifests/{reference}"
        return [
            web.get("/v2/", self._base),
            web.get("/v2/_catalog", self._catalog),
            web.post(uploads, self._begin_upload),
            web.patch(uploads + "{id}", self._append),
            web.put(uploads + "{id}", self._finish_upload),
            web.delete(uploads + "{id}", self._cancel_upload),
            web.get("/v2/{name:.+}/blobs/{digest}", self._blob),
            web.get(manifests, self._manifest, allow_head=False),
            web.head(manifests, self._look),
            web.put(manifests, self._push_manifest),
            web.delete(manifests, self._delete_manifest),
            web.get("/v2/{name:.+}/tags/list", self._tags),
        ]

    async def _base(self, request: web.Request) -> web.StreamResponse:
        self._callers.require(request, None)
        return web.json_response({}, headers=API_VERSION)

    async def _catalog(self, request: web.Request) -> web.StreamResponse:
        self._callers.require(request, CATALOG)
        names, link = page_of(request, self._acr.store.names())
        return web.json_response({"repositories": names}, headers={**API_VERSION, **link})

    async def _manifest(self, request: web.Request) -> web.StreamResponse:
        name, reference = self._allowed(request, "pull"), request.match_info["reference"]
        served = await self._acr.cache.manifest(name, reference)
        _check_form(request, served.content.media_type)
        return manifest_response(served.content, ORIGIN if served.from_upstream else None)

    async def _look(self, request: web.Request) -> web.StreamResponse:
        name, reference = self._allowed(request, "pull"), request.match_info["reference"]
        seen = await self._acr.cache.look(name, reference)
        _check_form(request, seen.media_type)
        headers = {
            hdrs.CONTENT_TYPE: seen.media_type,
            hdrs.CONTENT_LENGTH: str(seen.size),
            "Docker-Content-Digest": seen.digest,
            **API_VERSION,
        }
        return web.Response(headers=headers | (ORIGIN if seen.from_upstream else {}))

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        name = self._allowed(request, "pull")
        return blob_response(request, await self._acr.cache.blob(name, request.match_info["digest"]))

    async def _tags(self, request: web.Request) -> web.StreamResponse:
        repository = self._acr.repository(self._allowed(request, "pull"))
        tags, link = page_of(request, sorted(repository.tags))
        return web.json_response({"name": repository.name, "tags": tags}, headers={**API_VERSION, **link})

    async def _begin_upload(self, request: web.Request) -> web.StreamResponse:
        name = self._may_push(request)
        mount = request.query.get("mount", "")
        if self._acr.store.blob(name, mount) is not None:
            return self._created(f"/v2/{name}/blobs/{mount}", mount)
        identifier = self._acr.uploads.begin(name)
        if "digest" in request.query:
            return await self._take_blob(request, name, identifier)
        return self._accepted(name, identifier, 0)

    async def _append(self, request: web.Request) -> web.StreamResponse:
        name, identifier = self._may_push(request), request.match_info["id"]
        return self._accepted(name, identifier, self._acr.uploads.append(name, identifier, await request.read()))

    async def _finish_upload(self, request: web.Request) -> web.StreamResponse:
        return await self._take_blob(request, self._may_push(request), request.match_info["id"])

    async def _cancel_upload(self, request: web.Request) -> web.StreamResponse:
        self._acr.uploads.cancel(self._may_push(request), request.match_info["id"])
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _push_manifest(self, request: web.Request) -> web.StreamResponse:
        name, reference = self._may_push(request), request.match_info["reference"]
        content = Content.of(request.content_type, await request.read())
        await self._acr.push_manifest(name, reference, content, request.headers.get(hdrs.USER_AGENT, ""))
        return self._created(f"/v2/{name}/manifests/{content.digest}", content.digest)

    async def _delete_manifest(self, request: web.Request) -> web.StreamResponse:
        name, reference = self._allowed(request, "delete"), request.match_info["reference"]
        if not is_digest(reference):
            raise Unsupported
        await self._acr.delete_manifest(name, reference, request.headers.get(hdrs.USER_AGENT, ""))
        return web.Response(status=HTTPStatus.ACCEPTED, headers=API_VERSION)

    async def _take_blob(self, request: web.Request, name: str, identifier: str) -> web.Response:
        digest = request.query.get("digest", "")
        blob = self._acr.uploads.finish(name, identifier, await request.read(), digest)
        self._acr.store.open(name).blobs[digest] = blob
        return self._created(f"/v2/{name}/blobs/{digest}", digest)

    def _allowed(self, request: web.Request, *actions: str) -> str:
        name = request.match_info["name"]
        wanted = pull_of(name) if actions == ("pull",) else Grant("repository", name, frozenset(actions))
        self._callers.require(request, wanted)
        return name

    def _may_push(self, request: web.Request) -> str:
        name = self._allowed(request, "pull", "push")
        self._acr.check_push(name)
        return name

    def _created(self, location: str, digest: str) -> web.Response:
        headers = {hdrs.LOCATION: location, "Docker-Content-Digest": digest, **API_VERSION}
        return web.Response(status=HTTPStatus.CREATED, headers=headers)

    def _accepted(self, name: str, identifier: str, size: int) -> web.Response:
        headers = {
            hdrs.LOCATION: f"/v2/{name}/blobs/uploads/{identifier}",
            hdrs.RANGE: f"0-{max(size - 1, 0)}",
            "Docker-Upload-UUID": identifier,
            **API_VERSION,
        }
        return web.Response(status=HTTPStatus.ACCEPTED, headers=headers)


def _check_form(request: web.Request, media_type: str) -> None:
    reason = form_not_accepted(request, media_type)
    if reason is not None:
        raise ManifestNotAccepted(reason=reason)
