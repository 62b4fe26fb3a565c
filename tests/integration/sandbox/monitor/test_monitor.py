"""Alert rules over seeded logs, and the action group that posts them."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from aiohttp import web

from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.service import Refusal, Service
from sandbox.logs.models import LogAnalytics
from sandbox.monitor.action_group import ActionGroup
from sandbox.monitor.monitor import Monitor
from sandbox.monitor.payloads import common_alert
from sandbox.monitor.rules import Alert, AlertRule, Condition
from tests.fixtures.serving import serving
from tests.support import shared_data

START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
WORKSPACE = "11111111-1111-1111-1111-111111111111"
WORKSPACE_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/contoso-logs"
PAYLOAD = {"data": {"essentials": {"alertId": "/alerts/1"}}}


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


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    """A tenant without rules."""
    tenant = Tenant()
    yield tenant
    await tenant.group.close()
    tenant.logs.close()


def rule(**fields: Any) -> AlertRule:
    """A rule over failed pulls."""
    query = "KubeEvents | where Message has 'toomanyrequests'"
    return AlertRule(**({"name": "pulls", "workspace": WORKSPACE, "query": query} | fields))


class TestRules:
    """When a rule fires."""

    async def test_fires_once_per_combination_of_dimensions(self, tenant: Tenant) -> None:
        """Rows that match make one alert for each value of the dimension; rows that do not, none."""
        app = App()
        tenant.monitor.add(rule())
        for cluster, message in [
            ("a", "toomanyrequests"),
            ("a", "toomanyrequests"),
            ("b", "toomanyrequests"),
            ("c", "x"),
        ]:
            tenant.fail(cluster, message)

        async with serving(app):
            tenant.connect(app)
            deliveries = await tenant.monitor.evaluate()

        assert [delivery.delivered for delivery in deliveries] == [True, True]
        criteria = [body["data"]["alertContext"]["condition"]["allOf"][0] for _, body in app.requests]
        assert sorted((item["dimensions"][0]["value"], item["metricValue"]) for item in criteria) == [
            ("/clusters/a", 2.0),
            ("/clusters/b", 1.0),
        ]

    async def test_does_not_fire_without_rows_in_its_window(self, tenant: Tenant) -> None:
        """An evaluation looks back over the window only."""
        app = App()
        tenant.monitor.add(rule(window=timedelta(minutes=5)))
        tenant.fail("a")
        tenant.now += timedelta(minutes=6)

        async with serving(app):
            tenant.connect(app)
            assert await tenant.monitor.evaluate() == []

        assert app.requests == []

    async def test_resolves_what_a_stateful_rule_fired(self, tenant: Tenant) -> None:
        """A stateful rule fires once, and resolves the same alert when the rows are gone."""
        app = App()
        tenant.monitor.add(rule(stateful=True))
        tenant.fail("a")

        async with serving(app):
            tenant.connect(app)
            for _ in range(2):
                await tenant.monitor.evaluate()
            tenant.now += timedelta(minutes=6)
            for _ in range(2):
                await tenant.monitor.evaluate()

        assert [essentials["monitorCondition"] for essentials in app.essentials] == ["Fired", "Resolved"]
        assert len({essentials["alertId"] for essentials in app.essentials}) == 1

    async def test_fires_a_stateless_rule_at_every_evaluation(self, tenant: Tenant) -> None:
        """Each evaluation is an alert of its own, with its own id."""
        app = App()
        tenant.monitor.add(rule())
        tenant.fail("a")

        async with serving(app):
            tenant.connect(app)
            for _ in range(2):
                await tenant.monitor.evaluate("pulls")

        assert len({essentials["alertId"] for essentials in app.essentials}) == 2


class TestPayload:
    """The common alert schema."""

    async def test_has_the_shape_of_a_documented_alert(self, tenant: Tenant) -> None:
        """The same keys and types as the documentation's sample, level by level."""
        sample = shared_data("alerts/payloads/log_v2_fired_workspace.json")
        tenant.monitor.add(rule(properties={"team": "platform"}))
        tenant.fail("a")
        app = App()

        async with serving(app):
            tenant.connect(app)
            await tenant.monitor.evaluate()

        assert _shape(app.requests[0][1]) == _shape(sample)

    async def test_names_the_resource_in_the_configuration_items(self, tenant: Tenant) -> None:
        """Documented: configurationItems come from the dimension `_ResourceId`."""
        tenant.monitor.add(rule())
        tenant.fail("a")
        app = App()

        async with serving(app):
            tenant.connect(app)
            await tenant.monitor.evaluate()

        assert app.essentials[0]["configurationItems"] == ["/clusters/a"]
        assert app.essentials[0]["alertTargetIDs"] == [WORKSPACE_ID.lower()]

    def test_quotes_the_query_in_its_links(self) -> None:
        """The links carry the whole query, percent-encoded, at the public host."""
        alert = Alert(
            id="1",
            origin="2",
            rule=rule(query="T | where a == 'b&c'"),
            condition=Condition.FIRED,
            values=("/clusters/a",),
            rows=1,
            start=START - timedelta(minutes=5),
            end=START,
        )

        criterion = common_alert(alert, WORKSPACE_ID, tenant="t")["data"]["alertContext"]["condition"]["allOf"][0]

        assert criterion["linkToSearchResultsAPI"].startswith(
            f"https://api.loganalytics.io/v1/workspaces/{WORKSPACE}/query?query=T%20%7C%20where%20a%20%3D%3D%20%27b%26c%27&"
        )


class TestActionGroup:
    """How alerts are posted."""

    async def test_sends_the_headers_of_the_real_sender(self, tenant: Tenant) -> None:
        """The user agent and content type seen in captures, and the exchange is logged without the key."""
        app = App()

        async with serving(app):
            tenant.connect(app)
            await tenant.group.post(PAYLOAD)

        headers = app.requests[0][0]
        assert headers["User-Agent"] == "IcMBroadcaster/1.0"
        assert headers["Content-Type"] == "application/json; charset=utf-8"
        assert headers["Expect"] == "100-continue"
        assert "function-key" not in tenant.log.json_lines().decode()
        assert [exchange.service for exchange in tenant.log.exchanges()] == ["alerts"]

    @pytest.mark.parametrize("status", [408, 429, 503, 504])
    async def test_posts_again_after_transient_refusals(self, tenant: Tenant, status: int) -> None:
        """Documented: these statuses are retried until the app takes the alert."""
        app = App(status, status)

        async with serving(app):
            tenant.connect(app)
            delivery = await tenant.group.post(PAYLOAD)

        assert (delivery.statuses, delivery.delivered) == ((status, status, 202), True)

    @pytest.mark.parametrize("status", [400, 401, 404, 500, 502])
    async def test_loses_the_alert_on_other_refusals(self, tenant: Tenant, status: int) -> None:
        """Documented: everything else is not retried, 500 included."""
        app = App(status)

        async with serving(app):
            tenant.connect(app)
            delivery = await tenant.group.post(PAYLOAD)

        assert (delivery.statuses, delivery.delivered) == ((status,), False)

    async def test_leaves_an_endpoint_alone_that_fails_too_often(self, tenant: Tenant) -> None:
        """After the last retry nothing is posted for 15 minutes; then it is again."""
        app = App(*[503] * 6)

        async with serving(app):
            tenant.connect(app)
            failed = await tenant.group.post(PAYLOAD)
            dropped = await tenant.group.post(PAYLOAD)
            tenant.now += timedelta(minutes=15)
            taken = await tenant.group.post(PAYLOAD)

        assert [delivery.statuses for delivery in (failed, dropped, taken)] == [(503,) * 6, (), (202,)]

    async def test_posts_again_when_nobody_answers(self, tenant: Tenant) -> None:
        """A host that is down is tried six times."""
        app = App()
        async with serving(app):
            tenant.connect(app)

        delivery = await tenant.group.post(PAYLOAD)

        assert (delivery.statuses, delivery.delivered) == ((0,) * 6, False)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items() if key != "properties"}
    if isinstance(value, list):
        return [_shape(item) for item in value[:1]]
    return type(value).__name__
