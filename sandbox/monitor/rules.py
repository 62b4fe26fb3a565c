"""Log alert rules: when they fire, for which combinations of dimensions, and when they are resolved."""

import uuid
from collections import Counter
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from sandbox.logs.models import LogAnalytics
from sandbox.logs.timespans import Interval

type Combination = tuple[str, ...]


class Condition(StrEnum):
    """`monitorCondition` of an alert."""

    FIRED = "Fired"
    RESOLVED = "Resolved"


class AlertRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scheduled query rule that counts rows, per combination of its dimensions.

    Attributes:
        name: the rule's name.
        workspace: the id of the workspace that it asks.
        query: KQL; its result has to have the dimensions as columns.
        dimensions: columns whose values split the rule into one alert each.
        window: how far back the rows are looked for.
        threshold: how many rows are still no alert.
        severity: 0 to 4.
        description: what the payload says about the rule.
        stateful: fire once and resolve later; a stateless rule fires at every evaluation and never resolves.
        properties: custom properties that go into the payload.
    """

    name: str
    workspace: str
    query: str
    dimensions: tuple[str, ...] = ("_ResourceId",)
    window: timedelta = timedelta(minutes=5)
    threshold: int = 0
    severity: int = 2
    description: str = ""
    stateful: bool = False
    properties: dict[str, str] = {}


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert instance as the action group posts it.

    Attributes:
        id: the instance's GUID; Fired and Resolved of one alert share it.
        origin: the GUID of what made it fire.
        values: the values of the rule's dimensions.
        rows: how many rows were counted.
        start, end: the window.
    """

    id: str
    origin: str
    rule: AlertRule
    condition: Condition
    values: Combination
    rows: int
    start: datetime
    end: datetime


class RuleState:
    """A rule and its alerts that are fired and not resolved."""

    def __init__(self, rule: AlertRule) -> None:
        self.rule = rule
        self._fired: dict[Combination, Alert] = {}

    async def evaluate(self, logs: LogAnalytics, now: datetime) -> list[Alert]:
        """The alerts that this evaluation gives rise to."""
        counted = await self._count(logs, Interval(now - self.rule.window, now))
        met = {values: rows for values, rows in counted.items() if rows > self.rule.threshold}
        alerts = [
            self._alert(values, rows, Condition.FIRED, now)
            for values, rows in met.items()
            if not (self.rule.stateful and values in self._fired)
        ]
        if not self.rule.stateful:
            return alerts
        over = [alert for values, alert in self._fired.items() if values not in met]
        self._fired = {values: alert for values, alert in self._fired.items() if values in met}
        self._fired |= {alert.values: alert for alert in alerts}
        return alerts + [
            msgspec.structs.replace(alert, condition=Condition.RESOLVED, rows=0, start=now - self.rule.window, end=now)
            for alert in over
        ]

    async def _count(self, logs: LogAnalytics, window: Interval) -> Counter[Combination]:
        workspace = logs.workspace(self.rule.workspace)
        if workspace is None:
            raise LookupError(f"alert rule {self.rule.name}: no workspace {self.rule.workspace}")
        result = await workspace.query(self.rule.query, window)
        names = [name for name, _ in result.columns]
        places = [names.index(dimension) for dimension in self.rule.dimensions]
        return Counter(tuple(str(row[place]) for place in places) for row in result.rows)

    def _alert(self, values: Combination, rows: int, condition: Condition, now: datetime) -> Alert:
        return Alert(
            id=str(uuid.uuid4()),
            origin=str(uuid.uuid4()),
            rule=self.rule,
            condition=condition,
            values=values,
            rows=rows,
            start=now - self.rule.window,
            end=now,
        )
