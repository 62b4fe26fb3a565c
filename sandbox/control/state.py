"""The world's state as documents, part by part; values that open a door are never among them."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from sandbox import scenario
from sandbox.cluster import ADDRESS

if TYPE_CHECKING:
    from sandbox.world import World

_ADDRESSES: Final = ("127.0.0.1", ADDRESS)

type Part = Callable[["World"], Awaitable[Any]]


async def registry(world: "World") -> dict[str, Any]:
    """The scenario's registry: its rules, credential sets with their health, and what it holds."""
    return await _registry(world, scenario.REGISTRY)


async def registries(world: "World") -> list[dict[str, Any]]:
    """The same of every registry."""
    return [await _registry(world, name) for name in world.data_planes]


async def _registry(world: "World", name: str) -> dict[str, Any]:
    found, acr = world.arm.registry(scenario.SUBSCRIPTION, scenario.GROUP, name), world.data_planes[name]
    sets = [
        {
            "name": one.name,
            "login_server": one.login_server,
            "principal_id": one.principal_id,
            "state": one.state,
            "healthy": (await world.arm.health(one)).healthy,
        }
        for one in found.credential_sets.values()
    ]
    return {
        "name": found.name,
        "login_server": found.login_server,
        "rules": [
            {
                "name": rule.name,
                "source": rule.source,
                "target": rule.target,
                "credential_set": _last(rule.credential_set),
            }
            for rule in found.rules.values()
        ],
        "credential_sets": sets,
        "repositories": {held: sorted(acr.repository(held).tags) for held in acr.store.names()},
    }


async def roles(world: "World") -> list[dict[str, Any]]:
    """Every role assignment, with the role's name."""
    definitions = world.access.definitions
    return [
        {
            "role": definitions[one.role].name,
            "scope": one.scope,
            "principal_id": one.principal_id,
            "conditional": one.condition is not None,
        }
        for one in world.access.assignments()
    ]


async def vault(world: "World") -> list[dict[str, Any]]:
    """The secrets' current versions, without their values."""
    return [
        {
            "name": secret.name,
            "version": secret.current.id,
            "versions": len(secret.versions),
            "enabled": secret.current.enabled,
            "expires": secret.current.expires,
            "tags": secret.current.tags or {},
        }
        for secret in world.vault.secrets()
    ]


async def hub(world: "World") -> dict[str, Any]:
    """Docker Hub: accounts with the pulls that they have left, tokens without their text, and images."""
    limits = world.hub.limits
    return {
        "anonymous_pulls_left": {
            address: limits.anonymous.remaining(address) if limits.anonymous.limit else None for address in _ADDRESSES
        },
        "pulls": dict(limits.pulls),
        "accounts": [
            {
                "username": account.username,
                "id": account.id,
                "pulls_left": limits.personal.remaining(account.id) if limits.personal.limit else None,
                "tokens": [
                    {
                        "uuid": token.uuid,
                        "label": token.label,
                        "active": token.is_active,
                        "expires_at": token.expires_at,
                    }
                    for token in world.hub.personal.of(account)
                ],
            }
            for account in world.hub.logins.accounts.values()
        ],
        "images": {
            name: sorted(found.tags) for name in world.hub.images.names() if (found := world.hub.images.find(name))
        },
    }


async def topic(world: "World") -> list[Any]:
    """The events that were published to the custom topic, oldest first."""
    return [published.event for published in world.topic.events]


async def sink(world: "World") -> list[Any]:
    """The notifications that receivers took, oldest first, without their headers."""
    return [{"at": one.at, "kind": one.kind, "name": one.name, "body": one.body} for one in world.sinks.deliveries]


async def alerts(world: "World") -> dict[str, Any]:
    """The alert rules, and what became of the alerts."""
    return {
        "rules": [{"name": rule.name, "query": rule.query, "stateful": rule.stateful} for rule in world.monitor.rules],
        "deliveries": list(world.action_group.deliveries),
    }


async def events(world: "World") -> dict[str, Any]:
    """Event Grid's attempts to deliver system topics' events, and its dead letters."""
    return {"attempts": list(world.delivery.attempts), "dead_letters": list(world.delivery.dead_letters)}


async def clock(world: "World") -> str:
    """The world's time."""
    return world.clock().isoformat()


PARTS: Final[dict[str, Part]] = {
    "clock": clock,
    "registry": registry,
    "registries": registries,
    "roles": roles,
    "vault": vault,
    "hub": hub,
    "topic": topic,
    "sink": sink,
    "alerts": alerts,
    "events": events,
}
"""What `GET /state/{part}` knows."""


def _last(resource_id: str | None) -> str | None:
    return None if resource_id is None else resource_id.rpartition("/")[2]
