"""How registries write manifests, blobs, lists and errors over HTTP (OCI distribution specification)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from aiohttp import hdrs, web

from sandbox.oci.content import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, Content
from sandbox.oci.remote import Credentials

API_VERSION: Final = {"Docker-Distribution-Api-Version": "registry/2.0"}
_FORMS: Final = {OCI_INDEX: "OCI index|es", OCI_MANIFEST: "OCI manifest|s", DOCKER_LIST: "manifest list|s"}
_LARGEST_PAGE: Final = 1000


def error_response(status: int, code: str, message: str, detail: Any = None) -> web.Response:
    """A registry's error document."""
    error = {"code": code, "message": message} | ({"detail": detail} if detail is not None else {})
    return web.json_response({"errors": [error]}, status=status, headers=API_VERSION)


def manifest_response(content: Content, headers: Mapping[str, str] | None = None) -> web.Response:
    """A manifest; for a HEAD aiohttp leaves the body away and keeps its length."""
    known = {"Docker-Content-Digest": content.digest, "ETag": f'"{content.digest}"', **API_VERSION}
    return web.Response(body=content.data, headers={**known, **(headers or {}), hdrs.CONTENT_TYPE: content.media_type})


def blob_response(request: web.Request, content: Content) -> web.Response:
    """A blob, or the part of it that the Range header asks for (206 with Content-Range; 416 past its end)."""
    headers = {"Docker-Content-Digest": content.digest, "Accept-Ranges": "bytes", **API_VERSION}
    size = len(content.data)
    try:
        part = request.http_range
    except ValueError:
        part = slice(None)
    if part.start is None and part.stop is None:
        return web.Response(body=content.data, headers=headers, content_type="application/octet-stream")
    start, stop, _ = part.indices(size)
    if start >= stop:
        return web.Response(
            status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers={"Content-Range": f"bytes */{size}"}
        )
    return web.Response(
        status=HTTPStatus.PARTIAL_CONTENT,
        body=content.data[start:stop],
        headers={**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"},
        content_type="application/octet-stream",
    )


def form_not_accepted(request: web.Request, media_type: str) -> str | None:
    """Why a manifest can't be given, when the client's Accept header does not name its form; None when it can.

    A client that names only `application/json` gets a 404 from a real registry, which looks like a missing image.
    """
    form = _FORMS.get(media_type)
    accept = request.headers.getall(hdrs.ACCEPT, [])
    if form is None or not accept:
        return None
    named = {part.split(";")[0].strip() for value in accept for part in value.split(",")}
    if named & {"*/*", "application/*", media_type}:
        return None
    singular, _, ending = form.partition("|")
    return f"{singular} found, but accept header does not support {singular}{ending}"


def basic_credentials(request: web.Request) -> Credentials | None:
    """The Basic credentials of a request, None when it has none; raises ValueError when they can't be read."""
    scheme, _, encoded = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("the Authorization header holds no Basic credentials") from error
    if not colon:
        raise ValueError("the Authorization header holds no Basic credentials")
    return Credentials(username, password)


def bearer_token(request: web.Request) -> str:
    """The bearer token of a request, empty when it has none."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def challenge(*, realm: str, service: str, scope: str = "", error: str = "") -> dict[str, str]:
    """A `WWW-Authenticate` header that sends the client to the token service."""
    parameters = {"realm": realm, "service": service, "scope": scope, "error": error}
    listed = ",".join(f'{name}="{value}"' for name, value in parameters.items() if value)
    return {hdrs.WWW_AUTHENTICATE: f"Bearer {listed}"}


def page(request: web.Request, names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The part of the names that `n` and `last` ask for, and a `Link` header when more follow.

    Raises:
        ValueError: when `n` is no positive number.
    """
    count = int(request.query.get("n", _LARGEST_PAGE))
    if count < 1:
        raise ValueError("n must be at least 1")
    last = request.query.get("last")
    if last in names:
        left = list(names[names.index(last) + 1 :])
    else:
        left = [name for name in names if last is None or name > last]
    found = left[: min(count, _LARGEST_PAGE)]
    if len(found) == len(left):
        return found, {}
    kept = "".join(f"&{key}={quote(value)}" for key, value in request.query.items() if key not in {"n", "last"})
    return found, {"Link": f'<{request.path}?last={quote(found[-1])}&n={len(found)}{kept}>; rel="next"'}
