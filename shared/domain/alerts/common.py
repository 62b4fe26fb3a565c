"""The common alert schema: one envelope, and inside it a context for each kind of alert.

Documented: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema and …/alerts-payload-samples.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import msgspec

from shared.domain.alerts.hints import cells, messages, resource_ids, workspace_ids
from shared.domain.alerts.model import Alert, UnknownAlert
from shared.domain.alerts.reading import Fields, between, name_and_value, read_duration, texts_in

SCHEMA = "azureMonitorCommonAlertSchema"

_LINKS = ("linkToFilteredSearchResultsAPI", "linkToSearchResultsAPI")
_CONDITIONS = {"fired": True, "resolved": False}


class Context(msgspec.Struct, frozen=True):
    """What the context of one kind of alert adds to the envelope."""

    window: timedelta = timedelta(0)
    resource_ids: tuple[str, ...] = ()
    workspace_ids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    dimensions: dict[str, str] = {}


def parse_common(document: Fields) -> Alert:
    """An alert in the common schema.

    Raises:
        UnknownAlert: a service whose alerts say nothing about pulls, or a field that it needs is missing.
    """
    essentials = document.fields("data").fields("essentials")
    body = document.fields("data").fields("alertContext")
    service = essentials.text("monitoringService")
    read = _reader(service, body)
    if read is None:
        raise UnknownAlert(
            f"data.essentials.monitoringService is {service[:60]!r} in {SCHEMA}; expected Log Alerts V2, Log "
            "Analytics, Application Insights, Platform, Prometheus or an Activity Log service"
        )
    condition = essentials.text("monitorCondition")
    fired = _CONDITIONS.get(condition.lower())
    if fired is None:
        raise UnknownAlert(f"data.essentials.monitorCondition is {condition[:40]!r}; expected Fired or Resolved")
    alert_id = essentials.text("alertId").lower()
    if not alert_id:
        raise UnknownAlert("data.essentials.alertId is missing; the alert's own id was expected")
    fired_at = essentials.time("firedDateTime")
    context = read(body)
    targets = [
        t for key in ("configurationItems", "alertTargetIDs") for t in essentials.items(key) if isinstance(t, str)
    ]
    return Alert(
        delivery_key=delivery_key(alert_id, condition.lower(), essentials.text("firedDateTime")),
        schema=f"common/{service}",
        rule=essentials.text("alertRule"),
        fired=fired,
        fired_at=fired_at,
        window=context.window,
        resource_ids=resource_ids([*context.dimensions.values(), *context.resource_ids, *texts_in(targets)]),
        workspace_ids=context.workspace_ids,
        texts=context.texts,
        alert_id=alert_id,
        dimensions=context.dimensions,
        properties=body.fields("properties").texts() | document.fields("data").fields("customProperties").texts(),
    )


def delivery_key(*parts: str) -> str:
    """What makes a delivery one, as 40 hex digits: retries of an action group repeat the same parts."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def read_log_v1(body: Fields) -> Context:
    """The V1 log alert: Pascal-case names, times in two forms, rows when they fit."""
    dimensions = dict(name_and_value(body.items("Dimensions"), body.path))
    window = between(body.text("SearchIntervalStartTimeUtc"), body.text("SearchIntervalEndtimeUtc"))
    minutes = body.number("SearchIntervalInMinutes") or (body.number("SearchIntervalInSeconds") or 0) / 60
    results = body.fields("SearchResults") if "SearchResults" in body else body.fields("SearchResult")
    found = cells(results)
    items = body.items("AffectedConfigurationItems")
    return Context(
        window=max(window, min(timedelta(minutes=max(minutes, 0)), timedelta(days=30))),
        resource_ids=resource_ids(texts_in([*found, *items])),
        workspace_ids=workspace_ids((body.text(link) for link in _LINKS), body.text("WorkspaceId")),
        texts=messages([*dimensions.values(), *found]),
        dimensions=dimensions,
    )


def read_criteria(body: Fields) -> Context:
    """Log Alerts V2, simple log alerts and metric alerts: criteria with dimensions.

    A simple log alert carries the row itself, as `event`; other log alerts of this version carry none (documented).
    """
    condition = body.fields("condition")
    dimensions: dict[str, str] = {}
    links: list[str] = []
    row: list[str] = []
    for entry in condition.items("allOf"):
        criterion = Fields(entry, f"{condition.path}.allOf")
        dimensions.update(name_and_value(criterion.items("dimensions"), criterion.path))
        links.extend(criterion.text(link) for link in _LINKS)
        for cells_of_row in criterion.items("event"):
            pairs = cells_of_row if isinstance(cells_of_row, list) else [cells_of_row]
            row.extend(value for _, value in name_and_value(pairs, criterion.path))
    window = between(condition.text("windowStartTime"), condition.text("windowEndTime"))
    return Context(
        window=max(window, read_duration(condition.text("windowSize"))),
        resource_ids=resource_ids(row),
        workspace_ids=workspace_ids(links),
        texts=messages([*dimensions.values(), *row]),
        dimensions=dimensions,
    )


def read_prometheus(body: Fields) -> Context:
    """A Prometheus alert: labels stand for dimensions, annotations may quote the failure."""
    labels = body.fields("labels").texts()
    annotations = body.fields("annotations").texts()
    return Context(
        window=read_duration(body.text("interval")),
        resource_ids=resource_ids(labels.values()),
        texts=messages(annotations.values()),
        dimensions=labels,
    )


def read_activity(body: Fields) -> Context:
    """An activity-log alert: what was done to which resource; claims and caller are people's data and stay unread."""
    scope = body.fields("authorization").text("scope")
    return Context(
        resource_ids=resource_ids([scope, body.text("resourceId")]),
        dimensions={key: body.text(key) for key in ("operationName", "status") if body.text(key)},
    )


def _reader(service: str, body: Fields) -> Callable[[Fields], Context] | None:
    """The reader for a service; a V1 log alert is told by its fields, since Platform is also its name (documented)."""
    lowered = service.lower()
    if "SearchQuery" in body and lowered in {"log analytics", "application insights", "platform"}:
        return read_log_v1
    if lowered in {"log alerts v2", "platform"}:
        return read_criteria
    if lowered in {"log analytics", "application insights"}:
        return read_log_v1
    if lowered == "prometheus":
        return read_prometheus
    return read_activity if lowered.startswith("activity log") else None
