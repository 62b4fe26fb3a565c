"""The schemas from before the common one: V1 log alerts, metric alerts, activity-log alerts.

Documented: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-non-common-schema-definitions and
https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-log-webhook.
None carries the id of the alert instance, so the whole document stands for it in the delivery's key.
"""

from datetime import datetime

import msgspec

from shared.domain.alerts.common import Context, delivery_key, read_activity, read_criteria, read_log_v1
from shared.domain.alerts.hints import resource_ids
from shared.domain.alerts.model import Alert, UnknownAlert
from shared.domain.alerts.reading import Fields

LOG_ALERT = "Microsoft.Insights/LogAlert"
METRIC_ALERT = "AzureMonitorMetricAlert"
ACTIVITY_ALERT = "Microsoft.Insights/activityLogs"

_STATES = {"activated": True, "deactivated": False, "resolved": False}


def parse_log_alert(body: Fields, document: object, schema: str) -> Alert:
    """A V1 log alert: of a workspace, with no schema's name at all, or of Application Insights; it only ever fires."""
    context = read_log_v1(body)
    return Alert(
        delivery_key=_key_of(document),
        schema=schema,
        rule=body.text("AlertRuleName"),
        fired=True,
        fired_at=body.time("SearchIntervalEndtimeUtc", "SearchIntervalEndTimeUtc"),
        window=context.window,
        resource_ids=resource_ids([*context.dimensions.values(), *context.resource_ids, body.text("ResourceId")]),
        workspace_ids=context.workspace_ids,
        texts=context.texts,
        dimensions=context.dimensions,
    )


def parse_metric_alert(document: Fields, raw: object) -> Alert:
    """A metric alert with its status Activated or Deactivated."""
    data = document.fields("data")
    context = data.fields("context")
    read = read_criteria(context)
    read = msgspec.structs.replace(read, resource_ids=resource_ids([*read.resource_ids, context.text("resourceId")]))
    rule, fired_at = context.text("name"), context.time("timestamp")
    return _alert(data, read, schema=METRIC_ALERT, rule=rule, fired_at=fired_at, key=_key_of(raw))


def parse_activity_alert(document: Fields, raw: object) -> Alert:
    """An activity-log alert."""
    data = document.fields("data")
    event = data.fields("context").fields("activityLog")
    read = read_activity(event)
    rule, fired_at = event.text("operationName"), event.time("eventTimestamp", "submissionTimestamp")
    return _alert(data, read, schema=ACTIVITY_ALERT, rule=rule, fired_at=fired_at, key=_key_of(raw))


def _alert(data: Fields, read: Context, *, schema: str, rule: str, fired_at: datetime, key: str) -> Alert:  # noqa: PLR0913 - the pieces of one alert
    status = data.text("status")
    fired = _STATES.get(status.lower())
    if fired is None:
        raise UnknownAlert(f"data.status is {status[:40]!r} in {schema}; expected Activated or Deactivated")
    return Alert(
        delivery_key=key,
        schema=schema,
        rule=rule,
        fired=fired,
        fired_at=fired_at,
        window=read.window,
        resource_ids=resource_ids([*read.dimensions.values(), *read.resource_ids]),
        workspace_ids=read.workspace_ids,
        texts=read.texts,
        dimensions=read.dimensions,
        properties=data.fields("properties").texts(),
    )


def _key_of(document: object) -> str:
    return delivery_key(msgspec.json.encode(document, order="deterministic").decode())
