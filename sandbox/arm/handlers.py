"""Resource Manager over HTTP: token, throttling, api-version, RBAC, and only then the operation, in ARM's order."""

from collections.abc import Iterable
from typing import ClassVar, Final
from uuid import uuid4

from aiohttp import web

from sandbox.arm.models import Arm
from sandbox.arm.refusals import (
    AuthorizationFailed,
    ExpiredToken,
    InvalidToken,
    MissingToken,
    NoSuchRoute,
    WrongAudience,
)
from sandbox.arm.registry_routes import RegistryRoutes
from sandbox.arm.resource_routes import ResourceRoutes, cloud_document
from sandbox.arm.role_routes import RoleRoutes
from sandbox.arm.routing import Call, Route, find_route
from sandbox.arm.throttling import RequestKind
from sandbox.arm.versions import check_version
from sandbox.frame.service import Refusal, Service
from sandbox.identity.tokens import ARM_AUDIENCES, Principal, Rejection, TokenAuthority, TokenRejected

_KINDS: Final = {"GET": RequestKind.READ, "DELETE": RequestKind.DELETE}


class ArmService(Service):
    """Resource Manager at its address."""

    name: ClassVar[str] = "arm"

    def __init__(self, arm: Arm, authority: TokenAuthority) -> None:
        self.arm = arm
        self._authority = authority
        self._routes: list[Route] = [
            *RoleRoutes(arm).routes(),
            *RegistryRoutes(arm).routes(),
            *ResourceRoutes(arm).routes(),
        ]

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The cloud's description, which needs no token, and everything else."""
        cloud = web.get("/{slash:/?}metadata/endpoints", self._cloud)  # az joins it with one slash too many
        return [cloud, web.route("*", "/{path:.*}", self._dispatch)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """`{"error": {code, message}}`; a 401 says where tokens come from."""
        error = {"code": refusal.code, "message": refusal.message}
        response = web.json_response({"error": error}, status=refusal.status, headers=_ids())
        if refusal.status == MissingToken.status:
            response.headers["WWW-Authenticate"] = (
                f'Bearer authorization_uri="https://login.windows.net/{self._authority.tenant_id}", '
                f'error="invalid_token", error_description="{refusal.message}"'
            )
        return response

    async def _cloud(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response(cloud_document(self.base_url))

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        principal = self._principal(request).object_id
        found = find_route(self._routes, request.method, request.path)
        if found is None:
            raise NoSuchRoute
        route, path = found
        left = self._throttle(request, path, principal)
        version = check_version(route.type.format_map(path), request.query.get("api-version", ""))
        if "subscription" in path:
            self.arm.inventory.subscription(path["subscription"])
        if route.action:
            action, scope = route.action.format_map(path), route.scope.format_map(path)
            if not self.arm.access.allows(principal, action, scope):
                raise AuthorizationFailed(principal=principal, action=action, scope=scope)
        response = await route.handler(Call(request, principal, path, version, self.base_url))
        response.headers.update(_ids() | left)
        return response

    def _throttle(self, request: web.Request, path: dict[str, str], principal: str) -> dict[str, str]:
        segments = path.get("scope", "").strip("/").split("/")
        subscription = path.get("subscription") or (segments[1] if len(segments) > 1 else "")
        kind = _KINDS.get(request.method, RequestKind.WRITE)
        left = self.arm.throttle.take(principal, subscription.lower(), kind)
        return {f"x-ms-ratelimit-remaining-subscription-{kind}s": str(left)}

    def _principal(self, request: web.Request) -> Principal:
        try:
            return self._authority.verify_header(request.headers.get("Authorization"), audiences=ARM_AUDIENCES)
        except TokenRejected as rejected:
            if rejected.reason is Rejection.MISSING:
                raise MissingToken from rejected
            if rejected.reason is Rejection.AUDIENCE:
                raise WrongAudience(audience=rejected.audience) from rejected
            if rejected.reason is Rejection.EXPIRED:
                raise ExpiredToken(now=self._authority.now().strftime("%m/%d/%Y %I:%M:%S %p")) from rejected
            raise InvalidToken from rejected


def _ids() -> dict[str, str]:
    return {"x-ms-request-id": str(uuid4()), "x-ms-correlation-request-id": str(uuid4()), "Cache-Control": "no-cache"}
