"""HTTP of Microsoft.Authorization: role assignments at any scope, a vault's single secret included, and the roles."""

import re
from typing import Final

from aiohttp import web

from sandbox.arm.bodies import AssignmentBody, decode
from sandbox.arm.documents import assignment_document, definition_document, permission_document
from sandbox.arm.models import Arm
from sandbox.arm.refusals import ResourceNotFound
from sandbox.arm.role_refusals import RoleDefinitionDoesNotExist, UnsupportedFilter
from sandbox.arm.routing import Call, Route, route

_TYPE: Final = "Microsoft.Authorization/roleAssignments"
_LIST: Final = "/{scope}/providers/" + _TYPE
_DEFINITIONS: Final = "Microsoft.Authorization/roleDefinitions"
_PERMISSIONS: Final = "Microsoft.Authorization/permissions"
_ROLE_NAME: Final = re.compile(r"roleName\s+eq\s+'([^']*)'", re.IGNORECASE)
_RESOURCE_ID_SEGMENTS: Final = 8


class RoleRoutes:
    """Parses requests for role assignments, and writes the answers."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def routes(self) -> list[Route]:
        """Every operation; writes ask for the caller's right themselves, because it may hang on a condition."""
        read, one = f"{_TYPE}/read", _LIST + "/{name}"
        return [
            route("GET", _LIST, self._list, type=_TYPE, action=read, scope="/{scope}"),
            route("GET", one, self._get, type=_TYPE, action=read, scope="/{scope}"),
            route("PUT", one, self._put, type=_TYPE),
            route("DELETE", one, self._delete, type=_TYPE),
            route(
                "GET",
                "/{scope}/providers/" + _PERMISSIONS,
                self._permissions,
                type=_PERMISSIONS,
                action=f"{_PERMISSIONS}/read",
                scope="/{scope}",
            ),
            route("GET", "/{scope}/providers/" + _DEFINITIONS + "/{role}", self._definition, type=_DEFINITIONS),
            route("GET", "/{scope}/providers/" + _DEFINITIONS, self._definitions, type=_DEFINITIONS),
        ]

    async def _list(self, call: Call) -> web.StreamResponse:
        scope = self._scope(call)
        found = self._arm.role_assignments.select(scope, call.request.query.get("$filter", ""))
        page, link = call.page([assignment_document(one) for one in found], size=self._arm.settings.page_size)
        return web.json_response({"value": page} | ({"nextLink": link} if link else {}))

    async def _get(self, call: Call) -> web.StreamResponse:
        return web.json_response(
            assignment_document(self._arm.role_assignments.get(self._scope(call), call.path["name"]))
        )

    async def _put(self, call: Call) -> web.StreamResponse:
        wanted = decode(await call.body(), AssignmentBody).properties
        written = self._arm.role_assignments.put(call.principal, self._scope(call), call.path["name"], wanted)
        return web.json_response(assignment_document(written), status=201)

    async def _delete(self, call: Call) -> web.StreamResponse:
        deleted = self._arm.role_assignments.delete(call.principal, self._scope(call), call.path["name"])
        return web.Response(status=204) if deleted is None else web.json_response(assignment_document(deleted))

    async def _definitions(self, call: Call) -> web.StreamResponse:
        """All role definitions, or the one with a `roleName`; anybody may read them, as in Azure."""
        query = call.request.query.get("$filter", "")
        match = _ROLE_NAME.fullmatch(query.strip()) if query else None
        if query and match is None:
            raise UnsupportedFilter(filter=query)
        found = [
            definition_document(definition, call.path["scope"])
            for definition in self._arm.access.definitions.values()
            if match is None or definition.name.lower() == match[1].lower()
        ]
        return web.json_response({"value": found})

    async def _definition(self, call: Call) -> web.StreamResponse:
        """One role definition; anybody may read it, as the list."""
        found = self._arm.access.definitions.get(call.path["role"].lower())
        if found is None:
            raise RoleDefinitionDoesNotExist(role=call.path["role"])
        return web.json_response(definition_document(found, call.path["scope"]))

    async def _permissions(self, call: Call) -> web.StreamResponse:
        """What the caller's roles at a scope allow, a permission for each role; conditions are not part of it."""
        held = self._arm.access.held(call.principal, self._scope(call))
        return web.json_response({"value": [permission_document(one) for one in held]})

    def _scope(self, call: Call) -> str:
        """The scope that the path names; a resource in it has to exist, what lies below the resource need not."""
        segments = call.path["scope"].strip("/").split("/")
        if len(segments) >= _RESOURCE_ID_SEGMENTS:
            _, _, _, group, _, namespace, kind, name = segments[:_RESOURCE_ID_SEGMENTS]
            if self._arm.inventory.find("/" + "/".join(segments[:_RESOURCE_ID_SEGMENTS])) is None:
                raise ResourceNotFound(kind=f"{namespace}/{kind}", name=name, group=group)
        return "/" + "/".join(segments)
