"""Every query of the deployment: it runs on the sandbox's engine, Kusto's language service knows it, and it finds."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.logs.models import Workspace
from sandbox.logs.timespans import Interval
from shared.queries import SOURCES
from shared.queries.alerting import alert_query
from tests.infra.templates import INFRA, data, module
from tests.unit.queries.test_language_service import ask

FILES = {
    path.relative_to(INFRA).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*INFRA.glob("alerts/*/*.kql"), *INFRA.glob("workbook/*.kql"), *INFRA.glob("queries/*.kql")])
}
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
CLUSTER = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/prod"
LIMITED = 'Failed to pull image "nginx:1.27": 429 Too Many Requests - Server message: toomanyrequests: pull rate limit'


class Logs:
    """A workspace whose rows are five minutes old."""

    def __init__(self) -> None:
        self.workspace = Workspace("11111111-1111-1111-1111-111111111111", "/subscriptions/s/x", clock=lambda: NOW)

    def add(self, table: str, *rows: Mapping[str, Any], minutes: int = 5) -> None:
        """Append rows of so many minutes ago."""
        self.workspace.append(
            table, [{"TimeGenerated": (NOW - timedelta(minutes=minutes)).isoformat()} | dict(row) for row in rows]
        )

    def line(self, event: str, *, minutes: int = 5, **fields: str | int) -> None:
        """Append a line of the app's log, as it writes it."""
        import json

        self.add("AppTraces", {"Message": json.dumps({**fields, "event": event}), "SeverityLevel": 1}, minutes=minutes)

    async def rows(self, file: str) -> list[dict[str, Any]]:
        """What a query of infra/ answers over the last hour."""
        answer = await self.workspace.query(FILES[file], Interval(NOW - timedelta(hours=1), NOW))
        names = [name for name, _ in answer.columns]
        return [dict(zip(names, row, strict=True)) for row in answer.rows]


@pytest.fixture
def logs() -> Iterator[Logs]:
    """A new workspace."""
    made = Logs()
    yield made
    made.workspace.close()


def pull(pod: str, message: str = LIMITED, **columns: Any) -> dict[str, Any]:
    """A row of KubeEvents for a pull that failed."""
    told = {"ObjectKind": "Pod", "Reason": "Failed", "Message": message, "Namespace": "shop", "Name": pod}
    return told | {"Count": 2, "_ResourceId": CLUSTER} | columns


class TestAll:
    """What holds for each."""

    def test_the_language_service_finds_nothing(self) -> None:
        """Every table, column and function is known to Kusto."""
        assert ask(queries=FILES)["findings"] == {file: list[str]() for file in FILES}

    @pytest.mark.parametrize("file", FILES)
    async def test_runs_on_an_empty_workspace(self, logs: Logs, file: str) -> None:
        """And answers, with one row for what sums up, with none for what lists."""
        rows = await logs.rows(file)

        assert rows == ([{"Times": 0}] if file.startswith("alerts/own/") else [])


class TestPullAlerts:
    """The rules that call the function."""

    async def test_counts_what_a_limit_refused(self, logs: Logs) -> None:
        """By resource, so that one alert names one cluster; other failures raise none."""
        logs.add(
            "KubeEvents", pull("a"), pull("b", _ResourceId=CLUSTER + "2"), pull("c", "Failed to pull image: denied")
        )

        rows = await logs.rows("alerts/app/kube_events.kql")

        assert sorted(rows, key=lambda row: str(row["_ResourceId"])) == [
            {"_ResourceId": CLUSTER.lower(), "Failures": 2.0},
            {"_ResourceId": CLUSTER.lower() + "2", "Failures": 2.0},
        ]

    async def test_registry(self, logs: Logs) -> None:
        """A pull through a rule that the upstream's limit refused, and none that was served."""
        refused = {"OperationName": "Pull", "ResultType": "429", "LoginServer": "x.azurecr.io", "_ResourceId": CLUSTER}
        logs.add("ContainerRegistryRepositoryEvents", refused, refused | {"ResultType": "200"})

        assert [row["Failures"] for row in await logs.rows("alerts/app/registry_events.kql")] == [1]

    def test_are_the_apps_own(self) -> None:
        """Each begins with the app's query, up to where that orders its rows."""
        made = {source.name: alert_query(source) for source in SOURCES if "| extend Rank" in source.query}

        for name, query in made.items():
            assert FILES[f"alerts/app/{name}.kql"].endswith(query)

    def test_what_has_no_failures_makes_no_alert(self) -> None:
        """The inventory of pods is no failure."""
        [pods] = [source for source in SOURCES if source.name == "kube_pods"]

        with pytest.raises(ValueError, match="nothing to count"):
            alert_query(pods)

    def test_each_file_can_be_chosen(self) -> None:
        """A query for every name that `alertSources` may have."""
        names = {Path(file).stem for file in FILES if file.startswith("alerts/app/")}

        assert set(module("pull-alerts").section("variables")["queries"]["value"]) == names


class TestOwnAlerts:
    """The rules on ourselves."""

    def test_each_has_its_query_and_runbook(self) -> None:
        """The list, the template and the files agree, and the operations page has the heading that is named."""
        alerts = data("alerts/own/alerts.json")
        names = {alert["name"] for alert in alerts}
        page = (INFRA.parent / "docs" / "operations.md").read_text(encoding="utf-8").lower()

        assert names == {Path(file).stem for file in FILES if file.startswith("alerts/own/")}
        assert names == set(module("operator-alerts").section("variables")["queries"]["value"])
        for alert in alerts:
            runbook = alert["description"].partition("docs/operations.md, ")[2].rstrip(".")
            assert runbook, alert["name"]
            assert f"### {runbook.lower()}" in page

    async def test_what_the_app_logs_is_counted(self, logs: Logs) -> None:
        """A line each, among lines of other kinds."""
        logs.line("incident.failed", incident="1")
        logs.line("incident.verified", incident="2")
        logs.line("rotation.failed", rotation="r1")
        logs.line("rotation.succeeded", rotation="r2")
        logs.line("dead_letter.added")
        logs.add(
            "AppTraces", {"Message": "Message has reached MaxDequeueCount of 5. Moving message to queue 'x-poison'."}
        )
        logs.line("credential.event", kind="Microsoft.KeyVault.SecretNearExpiry")
        logs.line("credential.event", kind="Microsoft.KeyVault.SecretNewVersionCreated")

        counted = {name: (await logs.rows(f"alerts/own/{name}.kql"))[0]["Times"] for name in OWN}

        assert counted == {"incidents_failed": 1, "rotations_failed": 1, "poison_messages": 2, "credential_expiry": 1}

    async def test_runs_and_failures_of_functions(self, logs: Logs) -> None:
        """The sweep's runs that went well; failed requests other than those that the caller caused."""
        request = {"AppRoleName": "func-cachewarden-x", "Name": "sweep", "Success": True, "ResultCode": "0"}
        failed = request | {"Success": False}
        logs.add("AppRequests", request, failed, failed | {"Name": "alerts", "ResultCode": "503"})
        logs.add("AppRequests", failed | {"ResultCode": "404"}, request | {"AppRoleName": "another"})

        assert await logs.rows("alerts/own/sweep_missing.kql") == [{"Times": 1}]
        assert await logs.rows("alerts/own/app_errors.kql") == [{"Times": 2}]


OWN = ("incidents_failed", "rotations_failed", "poison_messages", "credential_expiry")


class TestWorkbook:
    """The workbook's tables and charts."""

    def test_shows_every_query(self) -> None:
        """Each file once, in the order of the list."""
        items = data("workbook/cachewarden.workbook.json")["items"][1:]

        assert [item["content"]["query"] for item in items] == [
            FILES[f"workbook/{item['query']}.kql"] for item in data("workbook/items.json")
        ]
        assert {item["name"] for item in items} == {Path(file).stem for file in FILES if file.startswith("workbook/")}

    async def test_failing_pulls_by_cluster_image_and_cause(self, logs: Logs) -> None:
        """Failures of one image in one cluster are one row."""
        denied = 'Failed to pull image "acme/app:1": unauthorized'
        logs.add("KubeEvents", pull("a"), pull("b"), pull("c", denied))

        rows = await logs.rows("workbook/failing_pulls.kql")

        assert [(row["Cluster"], row["Image"], row["Cause"], row["Failures"], row["Pods"]) for row in rows] == [
            ("prod", "nginx:1.27", "pull limit", 4, 2),
            ("prod", "acme/app:1", "refused", 2, 1),
        ]

    async def test_direct_pulls_still_happening(self, logs: Logs) -> None:
        """What goes past the registry, not what goes through it."""
        cached = 'Failed to pull image "x.azurecr.io/docker-hub/library/nginx:1.27": 429 Too Many Requests'
        logs.add("KubeEvents", pull("a"), pull("b", cached))

        assert [row["Image"] for row in await logs.rows("workbook/direct_pulls.kql")] == ["nginx:1.27"]

    async def test_cures_and_their_time(self, logs: Logs) -> None:
        """From the first plan to the proof, in seconds."""
        logs.line("incident.planned", minutes=10, incident="1", source="docker.io/library/nginx")
        logs.line("incident.verified", minutes=8, incident="1", source="docker.io/library/nginx")
        logs.line("incident.planned", minutes=6, incident="2", source="docker.io/library/redis")

        [cured] = await logs.rows("workbook/cured.kql")
        [day] = await logs.rows("workbook/time_to_cure.kql")

        assert (cured["Source"], cured["Seconds"]) == ("docker.io/library/nginx", 120)
        assert (day["Cured"], day["Seconds"]) == (1, 120)

    async def test_headroom_rotations_and_rules(self, logs: Logs) -> None:
        """As the app logs them."""
        logs.line("headroom.read", window="hub", remaining=42)
        logs.line("rotation.started", minutes=9, rotation="r")
        logs.line("rotation.succeeded", minutes=3, rotation="r")
        logs.line("action.done", action="create_rule", name="docker-io", why="it failed")
        logs.line("notice.refused")

        [headroom] = await logs.rows("workbook/headroom.kql")
        [rotation] = await logs.rows("workbook/rotations.kql")
        [rule] = await logs.rows("workbook/rules_made.kql")
        [given_up] = await logs.rows("workbook/given_up.kql")

        assert (headroom["Window"], headroom["Remaining"]) == ("hub", 42)
        assert (rotation["Rotation"], rotation["State"]) == ("r", "succeeded")
        assert (rule["Action"], rule["Name"], rule["Why"]) == ("create_rule", "docker-io", "it failed")
        assert given_up["Event"] == "notice.refused"


class TestTelemetryQueries:
    """The queries that docs/telemetry.md shows."""

    async def test_one_alert(self, logs: Logs) -> None:
        """Every trace that names the incident, and nothing of another."""
        incident = "9e0ab775db29-7e59ad64326bc321"
        ours = {"OperationId": "t1", "Properties": {"cachewarden.incident": incident, "cachewarden.outcome": "ok"}}
        failed = {"cachewarden.outcome": "temporary", "cachewarden.error": "not_served"}
        logs.add("AppDependencies", ours | {"Name": "verification", "DurationMs": 12.0}, minutes=3)
        logs.add("AppDependencies", {"OperationId": "t1", "Name": "acr.pull", "Properties": failed}, minutes=4)
        logs.add("AppDependencies", {"OperationId": "t2", "Name": "survey", "Properties": {}}, minutes=4)
        logs.add("AppRequests", {"OperationId": "t1", "Name": "process remediations", "Properties": {}}, minutes=5)
        logs.add("AppTraces", {"OperationId": "t1", "Message": '{"event": "incident.verified"}'}, minutes=2)

        rows = await logs.rows("queries/one_alert.kql")

        assert [(row["What"], row["Outcome"], row["Error"]) for row in rows] == [
            ("process remediations", "", ""),
            ("acr.pull", "temporary", "not_served"),
            ("verification", "ok", ""),
            ("incident.verified", "", ""),
        ]

    async def test_outside_calls(self, logs: Logs) -> None:
        """By system and code."""
        call = {"Target": "arm", "Name": "arm.read_registry", "Success": True, "DurationMs": 100.0}
        properties = {"cachewarden.outcome": "temporary", "cachewarden.error": "TooManyRequests"}
        logs.add("AppDependencies", call | {"Properties": {"cachewarden.outcome": "ok"}})
        logs.add("AppDependencies", call | {"Success": False, "DurationMs": 300.0, "Properties": properties})

        rows = await logs.rows("queries/outside_calls.kql")

        assert sorted((row["System"], row["Error"], row["Calls"], row["P95"]) for row in rows) == [
            ("arm", "", 1, 100),
            ("arm", "TooManyRequests", 1, 300),
        ]

    async def test_cure_times(self, logs: Logs) -> None:
        """The mean over what was added up before it was sent."""
        point = {"Name": "cachewarden.incident.cure_time", "Properties": {"cachewarden.state": "verified"}}
        logs.add("AppMetrics", point | {"Sum": 30.0, "Max": 20.0, "Min": 10.0, "ItemCount": 2})
        logs.add("AppMetrics", point | {"Sum": 60.0, "Max": 60.0, "Min": 60.0, "ItemCount": 1})

        [row] = await logs.rows("queries/cure_times.kql")

        assert (row["State"], row["Incidents"], row["Average"], row["Longest"]) == ("verified", 3, 30, 60)
