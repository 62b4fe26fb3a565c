"""Alerts as the common alert schema writes them, Log Alerts V2.

Documented: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema. The result's rows are never in
it, only the values of the dimensions; and the links hold the whole query, which a receiver must not follow.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from sandbox.monitor.rules import Alert, Condition

_CONFIGURATION: Final = ("_ResourceId", "ResourceId", "Resource", "Computer")
_API: Final = "https://api.loganalytics.io/v1/workspaces"
_PORTAL: Final = (
    "https://portal.azure.com#@{tenant}/blade/Microsoft_Azure_Monitoring_Logs/LogsBlade/source/Alerts.EmailLinks"
)


def common_alert(alert: Alert, workspace_id: str, *, tenant: str) -> dict[str, Any]:
    """The payload; `workspace_id` is the ARM id of the workspace that the rule asks."""
    rule = alert.rule
    dimensions = dict(zip(rule.dimensions, alert.values, strict=True))
    essentials: dict[str, Any] = {
        "alertId": f"{_subscription(workspace_id)}/providers/Microsoft.AlertsManagement/alerts/{alert.id}",
        "alertRule": rule.name,
        "severity": f"Sev{rule.severity}",
        "signalType": "Log",
        "monitorCondition": alert.condition.value,
        "monitoringService": "Log Alerts V2",
        "alertTargetIDs": [workspace_id.lower()],
        "configurationItems": [dimensions[name] for name in _CONFIGURATION if name in dimensions],
        "originAlertId": alert.origin,
        "firedDateTime": _iso(alert.end),
        "description": rule.description,
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
    }
    if alert.condition is Condition.RESOLVED:
        essentials["resolvedDateTime"] = _iso(alert.end)
    context = {
        "properties": rule.properties,
        "conditionType": "LogQueryCriteria",
        "condition": {
            "windowSize": _duration(rule.window),
            "allOf": [_criterion(alert, dimensions, tenant)],
            "windowStartTime": _iso(alert.start),
            "windowEndTime": _iso(alert.end),
        },
    }
    return {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials, "alertContext": context}}


def _criterion(alert: Alert, dimensions: dict[str, str], tenant: str) -> dict[str, Any]:
    query = alert.rule.query
    filtered = query + "".join(f"\n| where tostring({name}) == '{value}'" for name, value in dimensions.items())
    span = quote(f"{_iso(alert.start)}/{_iso(alert.end)}", safe="")
    api = f"{_API}/{alert.rule.workspace}/query?query="
    portal = _PORTAL.format(tenant=tenant)
    return {
        "searchQuery": query,
        "metricMeasureColumn": None,
        "targetResourceTypes": "['Microsoft.OperationalInsights/workspaces']",
        "operator": "GreaterThan",
        "threshold": str(alert.rule.threshold),
        "timeAggregation": "Count",
        "dimensions": [{"name": name, "value": value} for name, value in dimensions.items()] or None,
        "metricValue": float(alert.rows),
        "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
        "linkToSearchResultsUI": f"{portal}/q/{quote(query, safe='')}/timespan/{span}",
        "linkToFilteredSearchResultsUI": f"{portal}/q/{quote(filtered, safe='')}/timespan/{span}",
        "linkToSearchResultsAPI": f"{api}{quote(query, safe='')}&timespan={span}",
        "linkToFilteredSearchResultsAPI": f"{api}{quote(filtered, safe='')}&timespan={span}",
    }


def _subscription(resource_id: str) -> str:
    return "/".join(resource_id.split("/")[:3])


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _duration(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"
