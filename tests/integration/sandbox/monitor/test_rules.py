"""Alert rules over seeded logs, and what their alerts look like."""

from datetime import timedelta
from typing import Any

from sandbox.monitor.payloads import common_alert
from sandbox.monitor.rules import Alert, Condition
from tests.fixtures.serving import serving
from tests.integration.sandbox.monitor.support import START, WORKSPACE, WORKSPACE_ID, App, Tenant, rule
from tests.support import shared_data


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


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items() if key != "properties"}
    if isinstance(value, list):
        return [_shape(item) for item in value[:1]]
    return type(value).__name__
