"""HTTP of ARM's own: the cloud's description, subscriptions, resources by filter and by id."""

from typing import Any, Final

from aiohttp import web

from sandbox.arm.bodies import decode
from sandbox.arm.documents import resource_document, subscription_document
from sandbox.arm.models import SITE_TYPE, SYSTEM_TOPIC_TYPE, VAULT_TYPE, Arm
from sandbox.arm.refusals import AuthorizationFailed, InvalidRequestContent
from sandbox.arm.routing import Call, Route, route
from sandbox.arm.vault_policies import PolicyBody
from sandbox.arm.versions import provider_document
from sandbox.identity.tokens import TENANT_ID

_SUBSCRIPTION: Final = "/subscriptions/{subscription}"
_SLOT: Final = _SUBSCRIPTION + "/resourceGroups/{group}/providers/Microsoft.Web/sites/{name}/slots/{slot}"
_SETTINGS: Final = (
    _SUBSCRIPTION + "/resourceGroups/{group}/providers/Microsoft.Web/sites/{name}/config/appsettings/list"
)
_EVENTS: Final = (
    _SUBSCRIPTION + "/resourceGroups/{group}/providers/Microsoft.EventGrid/systemTopics/{name}/eventSubscriptions"
)
_PROVIDER: Final = _SUBSCRIPTION + "/providers/{namespace}"
_POLICIES: Final = (
    _SUBSCRIPTION + f"/resourceGroups/{{group}}/providers/{VAULT_TYPE}/{{name}}/accessPolicies/{{operation}}"
)
_RESOURCE: Final = _SUBSCRIPTION + "/resourceGroups/{group}/providers/{namespace}/{kind}/{name}"


class ResourceRoutes:
    """Parses requests for subscriptions and resources in general, and writes the answers."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def routes(self) -> list[Route]:
        """Every operation; lists ask for no right, they leave out what the caller may not read (documented)."""
        resources = "Microsoft.Resources/resources"
        return [
            route("GET", "/tenants", self._tenants, type="Microsoft.Resources/tenants"),
            route("GET", "/subscriptions", self._subscriptions, type="Microsoft.Resources/subscriptions"),
            route("GET", _SUBSCRIPTION, self._subscription, type="Microsoft.Resources/subscriptions"),
            route("GET", _SUBSCRIPTION + "/resources", self._resources, type=resources),
            route(
                "GET",
                _PROVIDER,
                self._provider,
                type="Microsoft.Resources/subscriptions/providers",
                action="Microsoft.Resources/subscriptions/providers/read",
            ),
            route(
                "GET",
                _EVENTS,
                self._events,
                type=f"{SYSTEM_TOPIC_TYPE}/eventSubscriptions",
                action=f"{SYSTEM_TOPIC_TYPE}/eventSubscriptions/read",
            ),
            route(
                "POST", _SETTINGS, self._settings, type=f"{SITE_TYPE}/config", action=f"{SITE_TYPE}/config/list/action"
            ),
            route("GET", _SLOT, self._slot, type=f"{SITE_TYPE}/slots", action=f"{SITE_TYPE}/slots/read"),
            route("PUT", _POLICIES, self._policies, type=VAULT_TYPE, action=f"{VAULT_TYPE}/accessPolicies/write"),
            route("GET", _RESOURCE, self._resource, type="{namespace}/{kind}", action="{namespace}/{kind}/read"),
        ]

    async def _tenants(self, call: Call) -> web.StreamResponse:
        del call
        return web.json_response({"value": [{"id": f"/tenants/{TENANT_ID}", "tenantId": TENANT_ID}]})

    async def _subscriptions(self, call: Call) -> web.StreamResponse:
        visible = [one for one in self._arm.inventory.subscriptions() if self._sees(call.principal, one.id)]
        return web.json_response({"value": [subscription_document(one) for one in visible]})

    async def _subscription(self, call: Call) -> web.StreamResponse:
        subscription = self._arm.inventory.subscription(call.path["subscription"])
        if not self._sees(call.principal, subscription.id):
            raise AuthorizationFailed(
                principal=call.principal,
                action="Microsoft.Resources/subscriptions/read",
                scope=f"/subscriptions/{subscription.id}",
            )
        return web.json_response(subscription_document(subscription))

    async def _resources(self, call: Call) -> web.StreamResponse:
        found = [
            resource_document(resource, full=False)
            for resource in self._arm.inventory.select(call.path["subscription"], call.request.query.get("$filter", ""))
            if self._arm.access.allows(call.principal, f"{resource.type}/read", resource.id)
        ]
        page, link = call.page(found, size=self._arm.settings.page_size)
        return web.json_response({"value": page} | ({"nextLink": link} if link else {}))

    async def _resource(self, call: Call) -> web.StreamResponse:
        path = call.path
        resource = self._arm.inventory.get(
            path["subscription"], path["group"], f"{path['namespace']}/{path['kind']}", path["name"]
        )
        document = resource_document(resource, full=True)
        if resource.type == VAULT_TYPE:
            policies = self._arm.access.vault_policies
            document["properties"] = resource.properties | {
                "enableRbacAuthorization": not policies.in_use(resource.id),
                "accessPolicies": policies.documents(resource.id),
            }
        return web.json_response(document)

    async def _policies(self, call: Call) -> web.StreamResponse:
        path, policies = call.path, self._arm.access.vault_policies
        vault = self._arm.inventory.get(path["subscription"], path["group"], VAULT_TYPE, path["name"])
        if path["operation"] not in {"add", "replace", "remove"}:
            raise InvalidRequestContent(reason="the operation should be add, replace or remove")
        wanted = decode(await call.body(), PolicyBody).properties.access_policies
        policies.change(vault.id, path["operation"], wanted)
        return web.json_response(
            {
                "id": f"{vault.id}/accessPolicies/",
                "type": f"{VAULT_TYPE}/accessPolicies",
                "properties": {"accessPolicies": policies.documents(vault.id)},
            }
        )

    async def _slot(self, call: Call) -> web.StreamResponse:
        path = call.path
        name = f"{path['name']}/{path['slot']}"
        slot = self._arm.inventory.get(path["subscription"], path["group"], f"{SITE_TYPE}/slots", name)
        return web.json_response(resource_document(slot, full=True))

    async def _provider(self, call: Call) -> web.StreamResponse:
        namespace, subscription = call.path["namespace"], call.path["subscription"]
        unregistered = {one.lower() for one in self._arm.settings.unregistered}
        registered = namespace.lower() not in unregistered
        return web.json_response(provider_document(namespace, subscription, registered=registered))

    async def _events(self, call: Call) -> web.StreamResponse:
        path = call.path
        topic = self._arm.inventory.get(path["subscription"], path["group"], SYSTEM_TOPIC_TYPE, path["name"])
        found = self._arm.inventory.children(topic, "eventSubscriptions")
        documents = [resource_document(one, full=True) | {"name": one.name.rpartition("/")[2]} for one in found]
        page, link = call.page(documents, size=self._arm.settings.page_size)
        return web.json_response({"value": page} | ({"nextLink": link} if link else {}))

    async def _settings(self, call: Call) -> web.StreamResponse:
        """The app settings, which ARM gives for a POST alone."""
        path = call.path
        found = self._arm.inventory.get(
            path["subscription"], path["group"], f"{SITE_TYPE}/config", f"{path['name']}/appsettings"
        )
        return web.json_response(resource_document(found, full=True) | {"name": "appsettings"})

    def _sees(self, principal: str, subscription: str) -> bool:
        """A subscription shows up for everybody who has any role anywhere in it."""
        scope = f"/subscriptions/{subscription}"
        return any(self._arm.access.assignments(below=scope, principal_id=principal))


def cloud_document(base_url: str) -> dict[str, Any]:
    """What `az cloud register` asks any Resource Manager about its cloud (observed with azure-cli 2.91)."""
    return {
        "name": "sandbox",
        "portal": base_url,
        "authentication": {
            "loginEndpoint": "https://login.microsoftonline.com",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": base_url,
        "media": "https://rest.media.azure.net",
        "graph": "https://graph.windows.net/",
        "graphAudience": "https://graph.windows.net/",
        "batch": "https://batch.core.windows.net/",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "vmImageAliasDoc": f"{base_url}/vmImageAliases.json",
        "microsoftGraphResourceId": "https://graph.microsoft.com/",
        "suffixes": {
            "acrLoginServer": "azurecr.io",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "storage": "core.windows.net",
        },
    }
