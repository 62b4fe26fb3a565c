"""Subscriptions, resource groups and the resources that ARM merely knows: vaults, clusters, workspaces, topics."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from sandbox.arm.refusals import InvalidFilter, ResourceGroupNotFound, ResourceNotFound, SubscriptionNotFound

_CLAUSE: Final = re.compile(r"(resourceType|name|resourceGroup)\s+eq\s+'([^']*)'", re.IGNORECASE)


class Resource(msgspec.Struct, frozen=True):
    """A resource that clients can find and read; `properties` may hold whatever its type has.

    Attributes:
        type: namespace and type, `Microsoft.KeyVault/vaults`.
        identity: its managed identities, in ARM's form; empty where it has none.
    """

    id: str
    name: str
    type: str
    group: str
    subscription: str
    location: str
    properties: dict[str, Any] = {}
    identity: dict[str, Any] = {}


class Subscription(msgspec.Struct, frozen=True):
    """A subscription."""

    id: str
    name: str


class Inventory:
    """What exists, by ARM id without regard to case."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, Subscription] = {}
        self._groups: set[tuple[str, str]] = set()
        self._resources: dict[str, Resource] = {}

    def add(  # noqa: PLR0913 - the parts of an ARM id and what lies behind it
        self,
        type: str,  # noqa: A002 - ARM's word
        name: str,
        *,
        subscription: str,
        group: str,
        location: str = "westeurope",
        properties: dict[str, Any] | None = None,
        identity: dict[str, Any] | None = None,
    ) -> Resource:
        """Add a resource, and its subscription and group when they are new.

        A child is named as ARM names it: `Microsoft.Web/sites/slots`, `shop/staging`.
        """
        self._subscriptions.setdefault(subscription.lower(), Subscription(subscription, "sandbox"))
        self._groups.add((subscription.lower(), group.lower()))
        resource_id = _resource_id(subscription, group, type, name)
        resource = Resource(resource_id, name, type, group, subscription, location, properties or {}, identity or {})
        self._resources[resource_id.lower()] = resource
        return resource

    def describe(self, resource_id: str, properties: dict[str, Any]) -> None:
        """Replace a resource's properties; raises KeyError when there is no such resource."""
        key = resource_id.lower()
        self._resources[key] = msgspec.structs.replace(self._resources[key], properties=properties)

    def remove(self, resource_id: str) -> None:
        """Forget a resource, as when somebody deletes it; raises KeyError when there is no such resource."""
        del self._resources[resource_id.lower()]

    def children(self, parent: Resource, kind: str) -> list[Resource]:
        """The resources of a kind that are part of another one: `eventSubscriptions` of a system topic."""
        prefix = f"{parent.id}/{kind}/".lower()
        return [one for key, one in self._resources.items() if key.startswith(prefix)]

    def subscriptions(self) -> list[Subscription]:
        """All subscriptions."""
        return list(self._subscriptions.values())

    def subscription(self, subscription: str) -> Subscription:
        """The subscription of that id; raises `SubscriptionNotFound`."""
        if (found := self._subscriptions.get(subscription.lower())) is None:
            raise SubscriptionNotFound(subscription=subscription)
        return found

    def require_group(self, subscription: str, group: str) -> None:
        """Raise `ResourceGroupNotFound` unless the group exists."""
        if (subscription.lower(), group.lower()) not in self._groups:
            raise ResourceGroupNotFound(group=group)

    def find(self, resource_id: str) -> Resource | None:
        """The resource of that id, None when there is none."""
        return self._resources.get(resource_id.rstrip("/").lower())

    def get(self, subscription: str, group: str, type: str, name: str) -> Resource:  # noqa: A002 - ARM's word
        """The resource; raises `ResourceGroupNotFound` or `ResourceNotFound`."""
        self.require_group(subscription, group)
        if (found := self.find(_resource_id(subscription, group, type, name))) is None:
            raise ResourceNotFound(kind=type, name=name, group=group)
        return found

    def select(self, subscription: str, query: str = "") -> Iterator[Resource]:
        """The subscription's resources that a `$filter` lets through: `resourceType|name|resourceGroup eq '…'`, `and`.

        Raises:
            InvalidFilter: for every other form.
        """
        wanted = {}
        for clause in re.split(r"\s+and\s+", query.strip(), flags=re.IGNORECASE) if query.strip() else ():
            match = _CLAUSE.fullmatch(clause.strip())
            if match is None:
                raise InvalidFilter(filter=query)
            wanted[match[1].lower()] = match[2].lower()
        for resource in self._resources.values():
            has = {"resourcetype": resource.type, "name": resource.name, "resourcegroup": resource.group}
            if resource.subscription.lower() == subscription.lower() and all(
                has[key].lower() == value for key, value in wanted.items()
            ):
                yield resource


def _resource_id(subscription: str, group: str, type: str, name: str) -> str:  # noqa: A002 - ARM's word
    """The id, with types and names of a child alternating: `…/Microsoft.Web/sites/shop/slots/staging`."""
    namespace, *kinds = type.split("/")
    path = "/".join(f"{kind}/{part}" for kind, part in zip(kinds, name.split("/"), strict=True))
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{path}"
