"""A tenant with logs, alert rules and an action group, and an app that takes alerts."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import web

from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.service import Refusal, Service
from sandbox.logs.models import LogAnalytics
from sandbox.monitor.action_group import ActionGroup
from sandbox.monitor.monitor import Monitor
from sandbox.monitor.rules import AlertRule

START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
WORKSPACE = "11111111-1111-1111-1111-111111111111"
WORKSPACE_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/contoso-logs"
PAYLOAD = {"data": {"essentials": {"alertId": "/alerts/1", "alertRule": "limits", "monitorCondition": "Fired"}}}


class App(Service):
    """A function app's alert route; answers with the given statuses, then with 202."""

    name: ClassVar[str] = "app"
    tls: ClassVar[bool] = False

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[tuple[dict[str, str], Any]] = []

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The alert route."""
        return [web.post("/api/alerts", self._post)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """No route but the one."""
        return web.Response(status=refusal.status)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        assert request.query["code"] == "function-key-0123456789"
        self.requests.append((dict(request.headers), await request.json()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 202)

    @property
    def essentials(self) -> list[dict[str, Any]]:
        """The essentials of the alerts that came."""
        return [body["data"]["essentials"] for _, body in self.requests]


class Tenant:
    """A workspace, a monitor over it, and a clock that stands still."""

    def __init__(self) -> None:
        self.now = START
        self.log = ExchangeLog()
        self.logs = LogAnalytics(clock=lambda: self.now)
        self.workspace = self.logs.add(WORKSPACE, WORKSPACE_ID)
        self.group = ActionGroup(self.log, pace=1e-6, clock=lambda: self.now)
        self.monitor = Monitor(self.logs, self.group, clock=lambda: self.now)

    def connect(self, app: App) -> None:
        """Point the action group at the app."""
        self.group.connect(app.base_url, "function-key-0123456789")

    def fail(self, cluster: str, message: str = "toomanyrequests") -> None:
        """A failed pull in a cluster."""
        self.workspace.append("KubeEvents", [{"_ResourceId": f"/clusters/{cluster}", "Message": message}])


def rule(**fields: Any) -> AlertRule:
    """A rule over failed pulls."""
    query = "KubeEvents | where Message has 'toomanyrequests'"
    return AlertRule(**({"name": "pulls", "workspace": WORKSPACE, "query": query} | fields))
