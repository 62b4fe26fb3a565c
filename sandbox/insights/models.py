"""One component of Application Insights, and the telemetry that it was sent."""

from collections import deque
from typing import Any, Final

import msgspec

from sandbox.insights.refusals import BadEnvelope

INSTRUMENTATION_KEY: Final = "33333333-3333-3333-3333-333333333333"
_KEPT: Final = 50_000
_KINDS: Final = frozenset({"RequestData", "RemoteDependencyData", "MessageData", "ExceptionData", "MetricData"})


class Item(msgspec.Struct, frozen=True):
    """One piece of telemetry.

    Attributes:
        kind: `RemoteDependencyData` and `RequestData` are spans, `MessageData` a line of a log, `MetricData` a metric.
        tags: operation id (`ai.operation.id`), parent, role and the like.
        data: what the kind holds.
    """

    kind: str
    tags: dict[str, str]
    data: dict[str, Any]

    @property
    def operation(self) -> str:
        """The trace that it belongs to."""
        return self.tags.get("ai.operation.id", "")

    @property
    def name(self) -> str:
        """What it is called: a span's name, or the first metric's."""
        metrics = self.data.get("metrics")
        return str(metrics[0]["name"] if metrics else self.data.get("name", ""))


class Insights:
    """A component; it keeps the latest 50,000 items.

    Attributes:
        resource_id: its ARM id, which is the scope of the publisher's role.
    """

    def __init__(self, resource_id: str) -> None:
        self.resource_id = resource_id
        self.items: deque[Item] = deque(maxlen=_KEPT)

    def take(self, envelopes: list[dict[str, Any]]) -> int:
        """Keep what was sent, all of it; raises BadEnvelope."""
        items = [_item(envelope) for envelope in envelopes]
        self.items.extend(items)
        return len(items)

    def spans(self) -> list[Item]:
        """The spans."""
        return [item for item in self.items if item.kind in {"RemoteDependencyData", "RequestData"}]

    def of_kind(self, kind: str) -> list[Item]:
        """The items of a kind."""
        return [item for item in self.items if item.kind == kind]


def _item(envelope: dict[str, Any]) -> Item:
    if envelope.get("iKey") != INSTRUMENTATION_KEY:
        raise BadEnvelope(detail="Invalid instrumentation key")
    kind = envelope.get("data", {}).get("baseType")
    if kind not in _KINDS:
        raise BadEnvelope(detail=f"Unknown baseType {kind!r}")
    return Item(kind=kind, tags=dict(envelope.get("tags") or {}), data=envelope["data"]["baseData"])
