"""HTTP of Microsoft.ContainerRegistry: registries, cache rules, credential sets and their operations."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from sandbox.arm.bodies import RuleBody, SetBody, decode
from sandbox.arm.documents import credential_set_document, operation_document, registry_document, rule_document
from sandbox.arm.models import REGISTRY_TYPE, Arm
from sandbox.arm.operations import Operation
from sandbox.arm.refusals import ResourceNotFound
from sandbox.arm.registries import CacheRule, CredentialSet, Registry
from sandbox.arm.routing import Call, Route, route

_SUBSCRIPTION: Final = "/subscriptions/{subscription}"
_GROUP: Final = _SUBSCRIPTION + "/resourceGroups/{group}"
_REGISTRIES: Final = "/providers/" + REGISTRY_TYPE
_REGISTRY: Final = _GROUP + _REGISTRIES + "/{registry}"
_RULES: Final = REGISTRY_TYPE + "/cacheRules"
_SETS: Final = REGISTRY_TYPE + "/credentialSets"


class RegistryRoutes:
    """Parses requests for registries and what is in them, and writes the answers."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def routes(self) -> list[Route]:
        """Every operation, with the action that it needs."""
        read = f"{REGISTRY_TYPE}/read"
        return [
            route("GET", _SUBSCRIPTION + _REGISTRIES, self._list, type=REGISTRY_TYPE, action=read, scope=_SUBSCRIPTION),
            route("GET", _GROUP + _REGISTRIES, self._list, type=REGISTRY_TYPE, action=read, scope=_GROUP),
            route("GET", _REGISTRY, self._get, type=REGISTRY_TYPE, action=read),
            *self._rule_routes(_REGISTRY + "/cacheRules"),
            *self._set_routes(_REGISTRY + "/credentialSets"),
        ]

    def _rule_routes(self, rules: str) -> list[Route]:
        rule, polled = rules + "/{name}", "/operationStatuses/{operation}"
        may_poll = _RULES + "/operationStatuses/read"
        return [
            route("GET", rules, self._rules, type=_RULES, action=_RULES + "/read", scope=_REGISTRY),
            route("GET", rule, self._rule, type=_RULES, action=_RULES + "/read"),
            route("PUT", rule, self._put_rule, type=_RULES, action=_RULES + "/write"),
            route("PATCH", rule, self._patch_rule, type=_RULES, action=_RULES + "/write"),
            route("DELETE", rule, self._delete_rule, type=_RULES, action=_RULES + "/delete"),
            route("GET", rule + polled, self._status, type=_RULES, action=may_poll, scope=rule),
        ]

    def _set_routes(self, sets: str) -> list[Route]:
        one_set, polled = sets + "/{name}", "/operationStatuses/{operation}"
        may_poll = _SETS + "/operationStatuses/read"
        return [
            route("GET", sets, self._sets, type=_SETS, action=_SETS + "/read", scope=_REGISTRY),
            route("GET", one_set, self._set, type=_SETS, action=_SETS + "/read"),
            route("PUT", one_set, self._put_set, type=_SETS, action=_SETS + "/write"),
            route("PATCH", one_set, self._patch_set, type=_SETS, action=_SETS + "/write"),
            route("DELETE", one_set, self._delete_set, type=_SETS, action=_SETS + "/delete"),
            route("GET", one_set + polled, self._status, type=_SETS, action=may_poll, scope=one_set),
        ]

    async def _list(self, call: Call) -> web.StreamResponse:
        group = call.path.get("group", "")
        if group:
            self._arm.inventory.require_group(call.path["subscription"], group)
        below = f"/subscriptions/{call.path['subscription']}/".lower()
        found = [
            registry
            for registry in self._arm.registries()
            if registry.id.lower().startswith(below) and group.lower() in {"", registry.group.lower()}
        ]
        return self._page(call, [registry_document(registry) for registry in found])

    async def _get(self, call: Call) -> web.StreamResponse:
        registry = self._arm.registry(call.path["subscription"], call.path["group"], call.path["registry"])
        return web.json_response(registry_document(registry))

    async def _rules(self, call: Call) -> web.StreamResponse:
        registry = self._registry(call, "read", "registries/cacheRules")
        return self._page(call, [rule_document(registry.rules[key]) for key in sorted(registry.rules)])

    async def _rule(self, call: Call) -> web.StreamResponse:
        _, rule = self._find_rule(call, "read")
        return web.json_response(rule_document(rule))

    async def _put_rule(self, call: Call) -> web.StreamResponse:
        registry = self._registry(call, "write", "registries/cacheRules")
        body = decode(await call.body(), RuleBody)
        rule, operation = self._arm.cache_rules.put(registry, call.path["name"], body)
        return self._written(call, rule_document(rule), operation)

    async def _patch_rule(self, call: Call) -> web.StreamResponse:
        registry, rule = self._find_rule(call, "write")
        operation = self._arm.cache_rules.patch(registry, rule, decode(await call.body(), RuleBody))
        return self._written(call, rule_document(rule), operation)

    async def _delete_rule(self, call: Call) -> web.StreamResponse:
        registry = self._registry(call, "delete", "registries/cacheRules")
        rule = registry.rules.get(call.path["name"].lower())
        if rule is None:
            return web.Response(status=204)
        return self._deleted(call, self._arm.cache_rules.delete(registry, rule))

    async def _sets(self, call: Call) -> web.StreamResponse:
        registry = self._registry(call, "read", "registries/credentialSets")
        found = [registry.credential_sets[key] for key in sorted(registry.credential_sets)]
        return self._page(call, [await self._set_document(one) for one in found])

    async def _set(self, call: Call) -> web.StreamResponse:
        found = self._find_set(call, "read")
        return web.json_response(await self._set_document(found))

    async def _put_set(self, call: Call) -> web.StreamResponse:
        registry = self._registry(call, "write", "registries/credentialSets")
        body = decode(await call.body(), SetBody)
        found, operation = self._arm.credential_sets.put(registry, call.path["name"], body)
        return self._written(call, await self._set_document(found), operation)

    async def _patch_set(self, call: Call) -> web.StreamResponse:
        found = self._find_set(call, "write")
        operation = self._arm.credential_sets.patch(found, decode(await call.body(), SetBody))
        return self._written(call, await self._set_document(found), operation)

    async def _delete_set(self, call: Call) -> web.StreamResponse:
        registry = self._registry(call, "delete", "registries/credentialSets")
        found = registry.credential_sets.get(call.path["name"].lower())
        if found is None:
            return web.Response(status=204)
        return self._deleted(call, self._arm.credential_sets.delete(registry, found))

    async def _status(self, call: Call) -> web.StreamResponse:
        operation = self._arm.operations.poll(call.path["operation"])
        document = operation_document(operation)
        if operation.ended is None:
            if operation.deletes:
                return self._deleted(call, operation)
            return web.json_response(document, headers=self._retry_after())
        if not operation.deletes:
            return web.json_response(document)
        if operation.failure is not None:
            return web.json_response({"error": document["error"]}, status=409)
        return web.Response(status=204)

    def _registry(self, call: Call, verb: str, kind: str) -> Registry:
        path = call.path
        return self._arm.parent(path["subscription"], path["group"], path["registry"], verb=verb, kind=kind)

    def _find_rule(self, call: Call, verb: str) -> tuple[Registry, CacheRule]:
        registry = self._registry(call, verb, "registries/cacheRules")
        if (rule := registry.rules.get(call.path["name"].lower())) is None:
            raise _missing(call, registry, "cacheRules")
        return registry, rule

    def _find_set(self, call: Call, verb: str) -> CredentialSet:
        registry = self._registry(call, verb, "registries/credentialSets")
        if (found := registry.credential_sets.get(call.path["name"].lower())) is None:
            raise _missing(call, registry, "credentialSets")
        return found

    async def _set_document(self, found: CredentialSet) -> dict[str, Any]:
        return credential_set_document(found, await self._arm.health(found))

    def _page(self, call: Call, documents: Sequence[dict[str, Any]]) -> web.StreamResponse:
        page, link = call.page(documents, size=self._arm.settings.page_size)
        return web.json_response({"value": page} | ({"nextLink": link} if link else {}))

    def _written(self, call: Call, document: dict[str, Any], operation: Operation | None) -> web.StreamResponse:
        if operation is None:
            return web.json_response(document)
        headers = {"Azure-AsyncOperation": _status_url(call, operation)} | self._retry_after()
        return web.json_response(document, status=201, headers=headers)

    def _deleted(self, call: Call, operation: Operation) -> web.StreamResponse:
        return web.Response(status=202, headers={"Location": _status_url(call, operation)} | self._retry_after())

    def _retry_after(self) -> dict[str, str]:
        seconds = self._arm.settings.retry_after_s
        return {} if seconds is None else {"Retry-After": str(seconds)}


def _status_url(call: Call, operation: Operation) -> str:
    return f"{call.base_url}{operation.resource_id}/operationStatuses/{operation.name}?api-version={call.version}"


def _missing(call: Call, registry: Registry, collection: str) -> ResourceNotFound:
    name = f"{registry.name}/{call.path['name']}"
    return ResourceNotFound(kind=f"{REGISTRY_TYPE}/{collection}", name=name, group=call.path["group"])
