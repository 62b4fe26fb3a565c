"""Turns what an HTTP function returned into a response.

The trap: a returned `str` that happens to be a JSON object with a `body` key is taken for a description of a response
(status, headers), not for text. That is the real host's behaviour (HttpBinding.CreateResult), and a good reason to
always return `func.HttpResponse`.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from sandbox.host.messages import RpcHttp, RpcHttpCookie, TypedData

_SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}
_HOP_BY_HOP = frozenset({"content-length", "transfer-encoding", "connection"})


def response_of(value: TypedData | None) -> web.Response:
    """The response for a function's return value; no value is an empty 200."""
    if value is None:
        return web.Response()
    if value.http is not None:
        return _described(value.http)
    if value.bytes is not None:
        return web.Response(body=value.bytes, content_type="application/octet-stream")
    return _from_text(value.string if value.string is not None else value.json or "")


def _described(http: RpcHttp) -> web.Response:
    headers = CIMultiDict((name, text) for name, text in http.headers.items() if name.lower() not in _HOP_BY_HOP)
    for cookie in http.cookies or ():
        headers.add("Set-Cookie", _cookie(cookie))
    return web.Response(status=int(http.status_code), headers=headers, body=http.body.bytes or b"")


def _from_text(text: str) -> web.Response:
    try:
        document: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return web.Response(text=text)
    fields = {key.lower(): field for key, field in document.items()} if isinstance(document, dict) else {}
    if "body" not in fields:
        return web.Response(text=text)
    status = str(fields.get("statuscode", fields.get("status", 200)))
    given: dict[str, Any] = fields["headers"] if isinstance(fields.get("headers"), dict) else {}
    headers = CIMultiDict({name: str(field) for name, field in given.items() if name.lower() not in _HOP_BY_HOP})
    body = fields["body"]
    headers.setdefault(
        "Content-Type", f"{'text/plain' if isinstance(body, str) else 'application/json'}; charset=utf-8"
    )
    encoded = body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    return web.Response(status=int(status) if status.isdecimal() else 200, headers=headers, body=encoded)


def _cookie(cookie: RpcHttpCookie) -> str:
    parts = [f"{cookie.name}={cookie.value}"]
    if cookie.expires:
        parts.append(
            f"expires={format_datetime(datetime.fromtimestamp(cookie.expires.value.seconds, UTC), usegmt=True)}"
        )
    if cookie.max_age:
        parts.append(f"max-age={int(cookie.max_age.value)}")
    if cookie.domain and cookie.domain.value:
        parts.append(f"domain={cookie.domain.value}")
    if cookie.path and cookie.path.value:
        parts.append(f"path={cookie.path.value}")
    if cookie.secure and cookie.secure.value:
        parts.append("secure")
    if cookie.same_site in _SAME_SITE:
        parts.append(f"samesite={_SAME_SITE[cookie.same_site]}")
    if cookie.http_only and cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)
