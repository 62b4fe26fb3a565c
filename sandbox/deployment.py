"""What the templates of infra/ have made around the app, as Resource Manager shows it, and a person who may look at it.

Only told: the alert rule and the subscriptions here are read by the doctor, while the world's own monitor and delivery
(`monitor/`, `topic/delivery.py`) do the work.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sandbox import scenario
from sandbox.arm.access import AccessControl
from sandbox.arm.inventory import Inventory
from sandbox.arm.models import ACTION_GROUP_TYPE, QUERY_RULE_TYPE, SITE_TYPE, SYSTEM_TOPIC_TYPE, WORKSPACE_TYPE
from sandbox.arm.roles import LOG_ANALYTICS_READER, READER, WEBSITE_CONTRIBUTOR
from sandbox.identity.directory import Identity

_INFRA: Final = Path(__file__).parents[1] / "infra"
_EVENTS: Final = json.loads((_INFRA / "events.json").read_text(encoding="utf-8"))
_GROUP_ID: Final = f"/subscriptions/{scenario.SUBSCRIPTION}/resourceGroups/{scenario.GROUP}"
_SOURCES: Final = {"registry": scenario.REGISTRY_ID, "group": _GROUP_ID, "vault": scenario.VAULT_ID}
RULE_ID: Final = f"{_GROUP_ID}/providers/{QUERY_RULE_TYPE}/alert-pulls-kube-events"
ACTION_GROUP_ID: Final = f"{_GROUP_ID}/providers/{ACTION_GROUP_TYPE}/ag-cachewarden-cure"
SETTINGS_ID: Final = f"{scenario.APP_ID}/config/appsettings"


def subscription_id(kind: str) -> str:
    """The ARM id of the subscription to a kind of source: `registry`, `group` or `vault`."""
    [entry] = _EVENTS[kind]
    name = f"cachewarden-{entry['function'].replace('_', '-')}"
    return f"{_GROUP_ID}/providers/{SYSTEM_TOPIC_TYPE}/evgst-{kind}/eventSubscriptions/{name}"


def fill_deployment(inventory: Inventory, app: Identity) -> None:
    """Add the app, the workspace, the system topics with their subscriptions, the action group and the alert rule."""
    where: dict[str, Any] = {"subscription": scenario.SUBSCRIPTION, "group": scenario.GROUP}
    identity = {"type": "SystemAssigned", "principalId": app.object_id}
    inventory.add(SITE_TYPE, "cachewarden", **where, properties={"state": "Running"}, identity=identity)
    inventory.add(f"{SITE_TYPE}/config", "cachewarden/appsettings", **where)
    inventory.add(WORKSPACE_TYPE, "contoso-logs", **where, properties={"customerId": scenario.WORKSPACE})
    for kind, source in _SOURCES.items():
        inventory.add(SYSTEM_TOPIC_TYPE, f"evgst-{kind}", **where, properties={"source": source})
        [entry] = _EVENTS[kind]
        name = f"evgst-{kind}/{subscription_id(kind).rpartition('/')[2]}"
        inventory.add(f"{SYSTEM_TOPIC_TYPE}/eventSubscriptions", name, **where, properties=_subscription(entry))
    inventory.add(ACTION_GROUP_TYPE, "ag-cachewarden-cure", **where, properties=_action_group())
    inventory.add(QUERY_RULE_TYPE, "alert-pulls-kube-events", **where, properties=_alert_rule())


async def make_queues(storage: str) -> None:
    """Make the queues of infra/queues.json in the account of a connection string; those that are there stay."""
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.queue.aio import QueueServiceClient

    async with QueueServiceClient.from_connection_string(storage) as service:
        for name in json.loads((_INFRA / "queues.json").read_text(encoding="utf-8")):
            with suppress(ResourceExistsError):
                await service.create_queue(name)


def grant_person(access: AccessControl, principal_id: str) -> None:
    """Let a person look at everything in the subscription, and at the app's settings; not at secrets."""
    access.grant(principal_id, READER, f"/subscriptions/{scenario.SUBSCRIPTION}")
    access.grant(principal_id, WEBSITE_CONTRIBUTOR, scenario.APP_ID)
    access.grant(principal_id, LOG_ANALYTICS_READER, scenario.WORKSPACE_ID)


def _subscription(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "provisioningState": "Succeeded",
        "destination": {
            "endpointType": "AzureFunction",
            "properties": {"resourceId": f"{scenario.APP_ID}/functions/{entry['function']}", "maxEventsPerBatch": 1},
        },
        "filter": {"includedEventTypes": entry["includedEventTypes"], "enableAdvancedFilteringOnArrays": True},
        "eventDeliverySchema": "EventGridSchema",
        "deadLetterWithResourceIdentity": {"identity": {"type": "UserAssigned"}},
    }


def _action_group() -> dict[str, Any]:
    receiver = {
        "name": "alerts",
        "functionAppResourceId": scenario.APP_ID,
        "functionName": "alerts",
        "httpTriggerUrl": "https://cachewarden.azurewebsites.net/api/alerts",
        "useCommonAlertSchema": True,
    }
    return {"groupShortName": "cachewarden", "enabled": True, "azureFunctionReceivers": [receiver]}


def _alert_rule() -> dict[str, Any]:
    query = (_INFRA / "alerts" / "app" / "kube_events.kql").read_text(encoding="utf-8")
    return {
        "enabled": True,
        "scopes": [scenario.WORKSPACE_ID],
        "criteria": {"allOf": [{"query": query, "operator": "GreaterThan", "threshold": 0}]},
        "actions": {"actionGroups": [ACTION_GROUP_ID]},
    }
