"""`/acr/v1`: the part of the data plane that is ACR's own; `azure-containerregistry` and the `az` CLI ask it."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web

from sandbox.acr.attributes import manifest_json, repository_json, tag_json
from sandbox.acr.caller import Callers
from sandbox.acr.gate import CATALOG
from sandbox.acr.models import Acr
from sandbox.acr.paging import page_of
from sandbox.acr.refusals import ManifestUnknown, TagUnknown
from sandbox.oci.access import Grant
from sandbox.oci.store import Repository


class AttributeHandlers:
    """Lists and properties, and deletion of repositories and tags."""

    def __init__(self, acr: Acr) -> None:
        self._acr = acr
        self._callers = Callers(acr)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The routes; names hold slashes, so the longer paths come first."""
        name = "/acr/v1/{name:.+}"
        return [
            web.get("/acr/v1/_catalog", self._catalog),
            web.get(name + "/_tags/{tag}", self._tag),
            web.delete(name + "/_tags/{tag}", self._untag),
            web.get(name + "/_tags", self._tags),
            web.get(name + "/_manifests/{digest}", self._manifest),
            web.get(name + "/_manifests", self._manifests),
            web.get(name, self._repository),
            web.delete(name, self._delete),
        ]

    async def _catalog(self, request: web.Request) -> web.StreamResponse:
        self._callers.require(request, CATALOG)
        names, link = page_of(request, self._acr.store.names())
        return web.json_response({"repositories": names or None}, headers=link)

    async def _repository(self, request: web.Request) -> web.StreamResponse:
        return self._answer(repository_json(self._readable(request)))

    async def _tags(self, request: web.Request) -> web.StreamResponse:
        repository = self._readable(request)
        digest = request.query.get("digest")
        tags = [tag for tag in repository.tags.values() if digest in {None, tag.digest}]
        names = _ordered(request, {tag.name: tag.updated_at for tag in tags})
        found, link = page_of(request, names)
        listed = [tag_json(repository.tags[name]) for name in found]
        return self._answer({"imageName": repository.name, "tags": listed}, link)

    async def _tag(self, request: web.Request) -> web.StreamResponse:
        repository, name = self._readable(request), request.match_info["tag"]
        tag = repository.tags.get(name)
        if tag is None:
            raise TagUnknown(reference=name)
        return self._answer({"imageName": repository.name, "tag": tag_json(tag)})

    async def _manifests(self, request: web.Request) -> web.StreamResponse:
        repository = self._readable(request)
        digests = _ordered(request, {key: found.created_at for key, found in repository.manifests.items()})
        found, link = page_of(request, digests)
        listed = [manifest_json(repository, repository.manifests[digest]) for digest in found]
        return self._answer({"imageName": repository.name, "manifests": listed}, link)

    async def _manifest(self, request: web.Request) -> web.StreamResponse:
        repository, digest = self._readable(request), request.match_info["digest"]
        manifest = repository.manifests.get(digest)
        if manifest is None:
            raise ManifestUnknown(reference=digest)
        return self._answer({"imageName": repository.name, "manifest": manifest_json(repository, manifest)})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        name = self._allowed(request, "delete")
        repository = await self._acr.delete_repository(name, request.headers.get(hdrs.USER_AGENT, ""))
        body = {"manifestsDeleted": sorted(repository.manifests), "tagsDeleted": sorted(repository.tags)}
        return web.json_response(body, status=HTTPStatus.ACCEPTED)

    async def _untag(self, request: web.Request) -> web.StreamResponse:
        self._acr.untag(self._allowed(request, "delete"), request.match_info["tag"])
        return web.Response(status=HTTPStatus.ACCEPTED)

    def _readable(self, request: web.Request) -> Repository:
        return self._acr.repository(self._allowed(request, "metadata_read"))

    def _allowed(self, request: web.Request, action: str) -> str:
        name = request.match_info["name"]
        self._callers.require(request, Grant("repository", name, frozenset({action})))
        return name

    def _answer(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
        return web.json_response({"registry": self._acr.host, **body}, headers=headers)


def _ordered(request: web.Request, updated: dict[str, Any]) -> list[str]:
    names = sorted(updated)
    match request.query.get("orderby"):
        case "timeasc":
            return sorted(names, key=lambda name: updated[name])
        case "timedesc":
            return sorted(names, key=lambda name: updated[name], reverse=True)
        case _:
            return names
