"""Key Vault's secrets over HTTP: the challenge, then RBAC, then the operation.

The trap it avoids: Key Vault's SDK sends its first request without a token and, for writes, without a body, and takes
scope and tenant from the refusal. An emulator that looks at the body first never gets to the challenge.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final
from uuid import uuid4

from aiohttp import web

from sandbox.frame.service import Refusal, Service
from sandbox.identity.tokens import VAULT_AUDIENCES, Principal, Rejection, TokenAuthority, TokenRejected
from sandbox.vault.documents import NewSecret, SecretChange, bundle, decode, deletion, item
from sandbox.vault.models import Vault
from sandbox.vault.refusals import (
    AccessDenied,
    ForbiddenByRbac,
    InvalidAudience,
    InvalidBody,
    InvalidToken,
    MissingToken,
    VaultRefusal,
    VersionMissing,
    VersionUnknown,
)
from sandbox.vault.rights import data_action, permission_of
from sandbox.vault.secrets import versions_of

_VERSIONS: Final = re.compile(r"7\.\d(-preview(\.\d)?)?|202[56]-\d\d-\d\d(-preview(\.\d)?)?")
_PAGE: Final = 25


class VaultService(Service):
    """One vault at its address."""

    name: ClassVar[str] = "vault"

    def __init__(self, vault: Vault, authority: TokenAuthority) -> None:
        self.vault = vault
        self._authority = authority

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Every operation on secrets that the product or its operators use."""
        return [
            web.get("/secrets", self._list),
            web.put("/secrets/{name}", self._set),
            web.delete("/secrets/{name}", self._delete),
            web.get("/secrets/{name}/versions", self._versions),
            web.get("/secrets/{name}{slash:/?}", self._get),
            web.get("/secrets/{name}/{version}", self._get),
            web.patch("/secrets/{name}{slash:/?}", self._update),
            web.patch("/secrets/{name}/{version}", self._update),
            web.get("/deletedsecrets", self._list_deleted),
            web.get("/deletedsecrets/{name}", self._get_deleted),
            web.post("/deletedsecrets/{name}/recover", self._recover),
            web.delete("/deletedsecrets/{name}", self._purge),
        ]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """`{"error": {code, message, innererror}}`; a 401 carries the challenge."""
        error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
        if isinstance(refusal, VaultRefusal) and refusal.inner:
            error["innererror"] = {"code": refusal.inner}
        response = web.json_response({"error": error}, status=refusal.status, headers=self._headers())
        if refusal.status == MissingToken.status:
            authority = f"https://login.microsoftonline.com/{self._authority.tenant_id}"
            [resource] = VAULT_AUDIENCES
            challenge = f'Bearer authorization="{authority}", resource="{resource}"'
            if not isinstance(refusal, MissingToken):
                challenge += ', error="invalid_token"'
            response.headers["WWW-Authenticate"] = challenge
        return response

    def redact(self, body: Any) -> Any:
        """The body without the secret's value."""
        if isinstance(body, dict) and isinstance(body.get("value"), str):
            return body | {"value": "***"}
        return body

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request, "readMetadata/action")
        return self._page(request, self.vault.secrets(), lambda secret: item(self.base_url, secret))

    async def _versions(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._authorize(request, "readMetadata/action", name)
        secret = self.vault.secret(name)
        return self._page(
            request, list(versions_of(secret)), lambda version: bundle(self.base_url, name, version, value=False)
        )

    async def _get(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._authorize(request, "getSecret/action", name)
        version = self.vault.read(name, request.match_info.get("version", ""))
        return self._answer(bundle(self.base_url, name, version, value=True))

    async def _set(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._authorize(request, "setSecret/action", name)
        body = decode(await request.read(), NewSecret)
        version = self.vault.write(
            name, body.value, tags=body.tags, content_type=body.content_type, attributes=body.attributes
        )
        return self._answer(bundle(self.base_url, name, version, value=True))

    async def _update(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._authorize(request, "update/action", name)
        body = decode(await request.read(), SecretChange)
        version = self.vault.update(
            name,
            request.match_info.get("version", ""),
            tags=body.tags,
            content_type=body.content_type,
            attributes=body.attributes,
        )
        return self._answer(bundle(self.base_url, name, version, value=False))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._authorize(request, "delete", name)
        secret = self.vault.delete(name)
        document = bundle(self.base_url, secret.name, secret.current, value=False)
        return self._answer(deletion(self.base_url, secret) | document)

    async def _list_deleted(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request, "readMetadata/action")
        return self._page(
            request,
            self.vault.secrets(deleted=True),
            lambda secret: deletion(self.base_url, secret) | item(self.base_url, secret),
        )

    async def _get_deleted(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._authorize(request, "readMetadata/action", name)
        secret = self.vault.deleted(name)
        document = bundle(self.base_url, secret.name, secret.current, value=False)
        return self._answer(deletion(self.base_url, secret) | document)

    async def _recover(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._authorize(request, "recover/action", name)
        secret = self.vault.recover(name)
        return self._answer(bundle(self.base_url, secret.name, secret.current, value=False))

    async def _purge(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._authorize(request, "purge/action", name)
        self.vault.purge(name)
        return web.Response(status=204, headers=self._headers())

    def _authorize(self, request: web.Request, action: str, name: str = "") -> None:
        principal = self._principal(request)
        version = request.query.get("api-version", "")
        if not version:
            raise VersionMissing
        if not _VERSIONS.fullmatch(version):
            raise VersionUnknown(version=version, latest="2025-07-01")
        if self.vault.allows(principal.object_id, action, name):
            return
        caller: dict[str, Any] = {
            "client_id": principal.client_id,
            "object_id": principal.object_id,
            "issuer": self._authority.issuer,
            "vault": self.vault.name,
            "location": self.vault.location,
        }
        if self.vault.uses_policies:
            raise AccessDenied(permission=permission_of(action), **caller)
        raise ForbiddenByRbac(action=data_action(action), resource=self.vault.scope(name).lower(), **caller)

    def _principal(self, request: web.Request) -> Principal:
        try:
            return self._authority.verify_header(request.headers.get("Authorization"), audiences=VAULT_AUDIENCES)
        except TokenRejected as rejected:
            if rejected.reason is Rejection.MISSING:
                raise MissingToken from rejected
            if rejected.reason is Rejection.AUDIENCE:
                raise InvalidAudience(expected=", ".join(VAULT_AUDIENCES), found=rejected.audience) from rejected
            raise InvalidToken(reason=rejected.reason.value) from rejected

    def _page[Item](
        self, request: web.Request, items: list[Item], write: Callable[[Item], dict[str, Any]]
    ) -> web.StreamResponse:
        start, size = _number(request, "$skiptoken", 0), _number(request, "maxresults", _PAGE)
        if not 1 <= size <= _PAGE:
            raise InvalidBody(reason=f"maxresults should be between 1 and {_PAGE}.")
        document: dict[str, Any] = {"value": [write(one) for one in items[start : start + size]], "nextLink": None}
        if start + size < len(items):
            query = f"api-version={request.query['api-version']}&$skiptoken={start + size}&maxresults={size}"
            document["nextLink"] = f"{self.base_url}{request.path}?{query}"
        return self._answer(document)

    def _answer(self, document: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(document, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {
            "Cache-Control": "no-cache",
            "x-ms-keyvault-region": self.vault.location,
            "x-ms-request-id": str(uuid4()),
        }


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise InvalidBody(reason=f"{name} should be a number.")
    return int(text)
