"""What was deployed around the app, read from Azure Resource Manager. Nothing here writes.

The traps: a list at a subscription is refused to whoever may not read the subscription, while ARM's own list of
resources leaves out what one may not see (documented), so it is asked first and each resource by itself; and a token's
claims are not verified here, because they are only shown.
"""

import asyncio
import base64
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.adapters import alarm_documents, arm_ids
from shared.adapters import surroundings_documents as documents
from shared.adapters.arm_clients import ArmEndpoint, ArmReader
from shared.adapters.azure_errors import AzureUnavailable, azure_call
from shared.application.doctor.ports import (
    ActionGroup,
    AlertRule,
    Caller,
    EventSubscription,
    Grant,
    RegistryDocument,
    Surroundings,
    VaultDocument,
)
from shared.domain.json_reader import read_json
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_DEADLINE_S: Final = 30.0
_RESOURCES: Final = "2021-04-01"
_AUTHORIZATION: Final = "2022-04-01"
_EVENT_GRID: Final = "2025-02-15"
_REGISTRY: Final = "2025-11-01"
_VAULT: Final = "2023-07-01"
_RULES: Final = "2023-12-01"
_GROUPS: Final = "2023-01-01"
_WORKSPACE: Final = "2025-02-01"
_CLUSTER: Final = "2025-05-01"
_PULL_ROLES: Final = frozenset(
    {
        "7f951dda-4ed3-4680-a7ca-43fe172d538d",  # AcrPull
        "b93aa761-3e63-49ed-ac28-beffa264f7ac",  # Container Registry Repository Reader
    }
)


class ArmSurroundings(Surroundings):
    """Resource Manager; the client is made on first use, closed by `aclose`."""

    def __init__(
        self,
        credential: "AsyncTokenCredential",
        *,
        endpoint: str = "https://management.azure.com",
        audience: str = "https://management.azure.com",
        **options: Any,
    ) -> None:
        self._credential = credential
        self._endpoint = ArmEndpoint(endpoint, audience, options)
        self._reader = ArmReader(credential, self._endpoint)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._reader.aclose()

    async def caller(self) -> Caller:
        """Who asks, by the claims of the token for ARM."""
        async with azure_call(Outside.IDENTITY_TOKEN, "asking for a token", deadline_s=_DEADLINE_S):
            token = await self._credential.get_token(self._endpoint.scope)
        try:
            claims = token.token.split(".")[1]
            return read_json(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), documents.Claims).caller
        except (IndexError, ValueError) as error:  # no part, no base64, or no claims
            raise AzureUnavailable("the token for ARM has no readable claims", code="unreadable_answer") from error

    async def time(self) -> datetime:
        """Azure's time, of an answer's Date, to the second."""
        async with azure_call(Outside.ARM_LOOK_AROUND, "asking ARM for the time", deadline_s=_DEADLINE_S):
            headers = (await self._reader.look(f"/subscriptions?api-version={_RESOURCES}")).headers
        try:
            return parsedate_to_datetime(headers["Date"])
        except (KeyError, ValueError) as error:
            raise AzureUnavailable("ARM's answer has no readable date", code="unreadable_answer") from error

    async def api_versions(self, subscription: str, namespace: str) -> Mapping[str, frozenset[str]]:
        """The API versions that a provider offers in this cloud, by type in lower case; empty if not registered."""
        path = f"/subscriptions/{arm_ids.subscription_id(subscription)}/providers/{namespace}"
        return (await self._get(path, _RESOURCES, documents.Provider)).versions

    async def grants(self, scope: str, principal: str | None) -> tuple[Grant, ...]:
        """What a principal may do at a scope, by all of its roles; None is whoever asks."""
        where = f"{arm_ids.resource_id(scope)}/providers/Microsoft.Authorization"
        if principal is None:
            found = await self._list(f"{where}/permissions", _AUTHORIZATION, Grant)
            return tuple(found)
        query = f"assignedTo('{arm_ids.principal_id(principal)}')"
        assignments = await self._list(
            f"{where}/roleAssignments", _AUTHORIZATION, documents.Assignment, **{"$filter": query}
        )
        roles = sorted({one.properties.role_definition_id for one in assignments})
        read = await asyncio.gather(
            *(self._get(arm_ids.resource_id(role), _AUTHORIZATION, documents.Definition) for role in roles)
        )
        return tuple(grant for one in read for grant in one.properties.permissions)

    async def registry(self, registry_id: str) -> RegistryDocument:
        """A registry's own document."""
        arm_ids.registry_id(registry_id)
        return (await self._get(registry_id.rstrip("/"), _REGISTRY, documents.Registry)).read()

    async def vault(self, vault_id: str) -> VaultDocument:
        """A vault's own document."""
        arm_ids.vault_id(vault_id)
        return (await self._get(vault_id.rstrip("/"), _VAULT, documents.Vault)).read()

    async def event_subscriptions(self, source_id: str) -> tuple[EventSubscription, ...]:
        """The subscriptions of the system topics whose source is this resource or group."""
        wanted = arm_ids.resource_id(source_id).lower()
        found: list[EventSubscription] = []
        for topic in await self._ids(wanted.split("/")[2], "Microsoft.EventGrid/systemTopics"):
            document = await self._get(topic, _EVENT_GRID, alarm_documents.SystemTopic)
            if document.properties.source.rstrip("/").lower() == wanted:
                listed = await self._list(f"{topic}/eventSubscriptions", _EVENT_GRID, alarm_documents.Subscription)
                found += [one.read() for one in listed]
        return tuple(found)

    async def alert_rules(self, group_id: str) -> tuple[AlertRule, ...]:
        """The log alert rules of a resource group, as far as they may be seen."""
        ids = await self._ids_of_group(group_id, "Microsoft.Insights/scheduledQueryRules")
        read = await asyncio.gather(*(self._get(one, _RULES, alarm_documents.QueryRule) for one in ids))
        return tuple(one.read() for one in read)

    async def action_groups(self, group_id: str) -> tuple[ActionGroup, ...]:
        """The action groups of a resource group, as far as they may be seen."""
        ids = await self._ids_of_group(group_id, "Microsoft.Insights/actionGroups")
        read = await asyncio.gather(*(self._get(one, _GROUPS, alarm_documents.Receivers) for one in ids))
        return tuple(one.read() for one in read)

    async def workspace_id(self, resource_id: str) -> str:
        """The id by which the query API knows the workspace of an ARM id."""
        return (
            await self._get(arm_ids.resource_id(resource_id), _WORKSPACE, documents.Workspace)
        ).properties.customer_id

    async def attached_clusters(self, registry_id: str) -> tuple[str, ...]:
        """The ids of the AKS clusters in the registry's subscription whose kubelet identity may pull from it.

        Told by role assignments that hold at the registry, as `az aks update --attach-acr` makes them (documented).
        """
        registry = arm_ids.registry_id(registry_id)
        where = f"{registry_id.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments"
        held = await self._list(where, _AUTHORIZATION, documents.Assignment)
        pullers = {
            one.properties.principal_id.lower()
            for one in held
            if one.properties.role_definition_id.rpartition("/")[2].lower() in _PULL_ROLES
        }
        found = []
        for cluster in await self._ids(registry.subscription, "Microsoft.ContainerService/managedClusters"):
            document = await self._get(cluster, _CLUSTER, documents.Cluster)
            if document.kubelet.lower() in pullers:
                found.append(cluster)
        return tuple(found)

    async def _ids_of_group(self, group: str, kind: str) -> list[str]:
        subscription, name = arm_ids.group_id(group)
        return await self._ids(subscription, kind, f" and resourceGroup eq '{name}'")

    async def _ids(self, subscription: str, kind: str, further: str = "") -> list[str]:
        """The ids of the resources of a type that may be seen."""
        path = f"/subscriptions/{arm_ids.subscription_id(subscription)}/resources"
        query = f"resourceType eq '{kind}'{further}"
        listed = await self._list(path, _RESOURCES, documents.Listed, **{"$filter": query})
        return [arm_ids.resource_id(one.id) for one in listed]

    async def _get[T](self, path: str, version: str, kind: type[T]) -> T:
        async with azure_call(Outside.ARM_LOOK_AROUND, f"reading {path.rpartition('/')[2]}", deadline_s=_DEADLINE_S):
            return _read(await self._reader.get(path, **{"api-version": version}), kind)

    async def _list[T](self, path: str, version: str, kind: type[T], **query: str) -> list[T]:
        async with azure_call(Outside.ARM_LOOK_AROUND, f"listing {path.rpartition('/')[2]}", deadline_s=_DEADLINE_S):
            return [_read(one, kind) async for one in self._reader.items(path, **{"api-version": version}, **query)]


def _read[T](document: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise AzureUnavailable(f"ARM's answer has another form: {error}", code="unreadable_answer") from error
