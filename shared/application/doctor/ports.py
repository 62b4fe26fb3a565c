"""The ports of the doctor: what was deployed around the app, and its queues. Both only look."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec


class Caller(msgspec.Struct, frozen=True):
    """Whom Azure takes this process for: object id and tenant, never a name."""

    object_id: str
    tenant_id: str


class Grant(msgspec.Struct, frozen=True, rename="camel"):
    """What one role gives at a scope, `*` for any text; conditions of the assignment are not part of it."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


class Network(msgspec.Struct, frozen=True):
    """Who may reach a registry or a vault.

    Attributes:
        is_public: whether it has a public side at all.
        is_open: whether that side takes everybody, not only those of its rules.
        trusts_azure: whether Azure's trusted services pass its firewall.
    """

    is_public: bool = True
    is_open: bool = True
    trusts_azure: bool = True


class RegistryDocument(msgspec.Struct, frozen=True):
    """A registry's own document.

    Attributes:
        state: `Succeeded`, …
    """

    state: str
    network: Network


class VaultDocument(msgspec.Struct, frozen=True):
    """A vault's own document; `uses_roles` is whether access is by roles and not by access policies."""

    network: Network
    uses_roles: bool


class EventSubscription(msgspec.Struct, frozen=True):
    """One subscription of a system topic.

    Attributes:
        function_id: the ARM id of the function that it calls, empty for another kind of receiver.
        state: `Succeeded`, …
        event_types: what is delivered; empty is everything.
        keeps_failures: whether what can't be delivered is kept as a dead letter.
    """

    name: str
    function_id: str
    state: str
    event_types: tuple[str, ...] = ()
    keeps_failures: bool = False


class AlertRule(msgspec.Struct, frozen=True):
    """A log alert rule; ids as ARM writes them."""

    id: str
    is_enabled: bool
    query: str
    scopes: tuple[str, ...] = ()
    action_groups: tuple[str, ...] = ()


class FunctionReceiver(msgspec.Struct, frozen=True):
    """A function that an action group calls."""

    app_id: str
    function: str
    uses_common_schema: bool


class ActionGroup(msgspec.Struct, frozen=True):
    """An action group, as far as it calls functions."""

    id: str
    is_enabled: bool
    functions: tuple[FunctionReceiver, ...] = ()


class Surroundings(Protocol):
    """Azure Resource Manager, read only. Whatever may not be read raises `PermanentError` with Azure's own code."""

    async def caller(self) -> Caller:
        """Who asks."""

    async def time(self) -> datetime:
        """Azure's time."""

    async def api_versions(self, subscription: str, namespace: str) -> Mapping[str, frozenset[str]]:
        """The API versions that a provider offers in this cloud, by type in lower case; empty if not registered."""

    async def grants(self, scope: str, principal: str | None) -> tuple[Grant, ...]:
        """What a principal may do at a scope, by all of its roles; None is whoever asks."""

    async def registry(self, registry_id: str) -> RegistryDocument:
        """A registry's own document."""

    async def vault(self, vault_id: str) -> VaultDocument:
        """A vault's own document."""

    async def event_subscriptions(self, source_id: str) -> tuple[EventSubscription, ...]:
        """The subscriptions of the system topics whose source is this resource or group."""

    async def alert_rules(self, group_id: str) -> tuple[AlertRule, ...]:
        """The log alert rules of a resource group, as far as they may be seen."""

    async def action_groups(self, group_id: str) -> tuple[ActionGroup, ...]:
        """The action groups of a resource group, as far as they may be seen."""

    async def workspace_id(self, resource_id: str) -> str:
        """The id by which the query API knows the workspace of an ARM id."""


class Queues(Protocol):
    """The Storage queues, without taking anything off them."""

    async def waiting(self, queue: str) -> int | None:
        """About how many messages lie on a queue, None when there is no such queue."""
