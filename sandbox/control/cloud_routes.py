"""Seeds what lies in Azure: rules, credential sets, secrets, and how slow Resource Manager is."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox import scenario
from sandbox.arm.bodies import AuthCredentialBody, Identity, RuleBody, RuleProperties, SetBody, SetProperties
from sandbox.arm.roles import KEY_VAULT_SECRETS_USER
from sandbox.control.bodies import ArmChange, NewCredentialSet, NewRule, NewSecret
from sandbox.frame.control import BadControlRequest, answer, read
from sandbox.vault.secrets import Attributes

if TYPE_CHECKING:
    from sandbox.arm.registries import Registry
    from sandbox.world import World


class CloudRoutes:
    """The routes below `/state` for ARM and Key Vault."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Seed and remove."""
        return [
            web.post("/state/rules", self._add_rule),
            web.delete("/state/rules/{name}", self._remove_rule),
            web.post("/state/credential-sets", self._add_credential_set),
            web.delete("/state/credential-sets/{name}", self._remove_credential_set),
            web.post("/state/secrets", self._add_secret),
            web.post("/state/arm", self._change_arm),
        ]

    @property
    def _registry(self) -> "Registry":
        return self._world.arm.registry(scenario.SUBSCRIPTION, scenario.GROUP, scenario.REGISTRY)

    async def _add_rule(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, NewRule)
        set_id = f"{self._registry.id}/credentialSets/{body.credential_set}" if body.credential_set else None
        properties = RuleProperties(
            source_repository=body.source, target_repository=body.target, credential_set_resource_id=set_id
        )
        rule, _ = self._world.arm.cache_rules.put(self._registry, body.name, RuleBody(properties))
        return answer({"id": rule.id}, status=201)

    async def _remove_rule(self, request: web.Request) -> web.StreamResponse:
        rule = _found(self._registry.rules, request.match_info["name"], "cache rule")
        self._world.arm.cache_rules.delete(self._registry, rule)
        return web.Response(status=204)

    async def _add_credential_set(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, NewCredentialSet)
        secrets = f"{self._world.vault_service.base_url}/secrets"
        pair = AuthCredentialBody(
            username_secret_identifier=f"{secrets}/{body.username_secret}",
            password_secret_identifier=f"{secrets}/{body.token_secret}",
            name="Credential1",
        )
        properties = SetProperties(login_server=body.login_server, auth_credentials=[pair])
        wanted = SetBody(properties, Identity("SystemAssigned"))
        made, _ = self._world.arm.credential_sets.put(self._registry, body.name, wanted)
        if body.grant:
            for secret in (body.username_secret, body.token_secret):
                self._world.access.grant(made.principal_id, KEY_VAULT_SECRETS_USER, self._world.vault.scope(secret))
        return answer({"id": made.id, "principal_id": made.principal_id}, status=201)

    async def _remove_credential_set(self, request: web.Request) -> web.StreamResponse:
        found = _found(self._registry.credential_sets, request.match_info["name"], "credential set")
        self._world.arm.credential_sets.delete(self._registry, found)
        return web.Response(status=204)

    async def _add_secret(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, NewSecret)
        expires = None if body.expires_on is None else int(body.expires_on.timestamp())
        written = self._world.vault.write(body.name, body.value, tags=body.tags, attributes=Attributes(exp=expires))
        return answer({"version": written.id}, status=201)

    async def _change_arm(self, request: web.Request) -> web.StreamResponse:
        body = await read(request, ArmChange)
        settings = self._world.arm.settings
        for name in ("rule_delay_s", "operation_polls", "operation_delay_s", "retry_after_s"):
            if (value := getattr(body, name)) is not None:
                setattr(settings, name, value)
        if body.copy_delay_s is not None:
            self._world.acr.cache.copy_delay_s = body.copy_delay_s
        return answer(settings)


def _found(items: dict[str, Any], name: str, kind: str) -> Any:
    if name.lower() not in items:
        raise BadControlRequest(detail=f"There is no {kind} {name!r}; there are {', '.join(items) or 'none'}.")
    return items[name.lower()]
