"""Every documented schema of Azure Monitor's alerts, each with a sample of our own and what becomes of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.domain.alerts import Alert, UnknownAlert, parse_alert

EVENTS = Path(__file__).resolve().parents[3] / "events" / "alerts"
SHOP = "/subscriptions/5b0b3f6e-1d1c-4a0a-9c55-0d6c3f2b7a11/resourcegroups/shop/providers"
AKS = f"{SHOP}/microsoft.containerservice/managedclusters/shop-aks"
ACR = f"{SHOP}/microsoft.containerregistry/registries/shopacr"
WORKSPACE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
FIRED_AT = datetime(2026, 5, 4, 9, 15, 12, 345678, tzinfo=UTC)


def load(name: str) -> Any:
    """A sample by its name."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def alert(name: str) -> Alert:
    """A parsed sample."""
    return parse_alert(load(name))


class TestLogAlertsV2:
    """Log Alerts V2 under the common schema."""

    def test_with_dimensions(self) -> None:
        """Everything that the alert says, and nothing of it trusted."""
        found = alert("log_v2_dimensions")

        assert found.schema == "common/Log Alerts V2"
        assert (found.rule, found.fired, found.fired_at) == ("image-pulls-limited", True, FIRED_AT)
        assert found.window == timedelta(minutes=10)
        assert found.resource_ids == (AKS,)
        assert found.workspace_ids == (WORKSPACE,)
        assert found.dimensions == {"_ResourceId": AKS, "Image": "docker.io/grafana/tempo:2.4"}
        assert found.properties == {"team": "shop", "runbook": "pulls"}
        assert found.texts == ()

    def test_without_dimensions_and_with_a_resources_link(self) -> None:
        """The link of a resource names no workspace; the target is the cluster itself."""
        found = alert("log_v2_no_dimensions")

        assert (found.resource_ids, found.workspace_ids, found.dimensions) == ((AKS,), (), {})

    def test_resolved(self) -> None:
        """It is over; the delivery is another one than that of the firing."""
        found = alert("log_v2_resolved")

        assert not found.fired
        assert found.alert_id == alert("log_v2_dimensions").alert_id
        assert found.delivery_key != alert("log_v2_dimensions").delivery_key

    def test_a_test_action(self) -> None:
        """Its window starts when it ends; the rule's size is what is left to go by."""
        found = alert("log_v2_test_action")

        assert (found.window, found.resource_ids) == (timedelta(hours=1), ())

    def test_a_dimension_that_is_a_message(self) -> None:
        """A rule may split by the message itself, which is then all the evidence that there is."""
        [text] = alert("log_v2_message_dimension").texts

        assert text.startswith('Failed to pull image "grafana/tempo:2.4"')

    def test_a_simple_alert_carries_the_row(self) -> None:
        """The one log alert of this version that does."""
        found = alert("simple_log")

        assert [text[:20] for text in found.texts] == ["Failed to pull image"]
        assert found.resource_ids == (AKS,)
        assert found.window == timedelta(0)


class TestLogAlertsV1:
    """Log alerts of the old API, under both schemas."""

    @pytest.mark.parametrize(
        "name",
        [
            "log_v1_common",
            "log_v1_common_platform",
            "log_v1_common_application_insights",
            "log_v1_workspace",
            "log_v1_application_insights",
        ],
    )
    def test_carries_the_rows(self, name: str) -> None:
        """A row may have more cells than there are columns, and the message is in one of them."""
        found = alert(name)

        assert [text[:20] for text in found.texts] == ["Failed to pull image"]
        assert found.resource_ids == (AKS,)
        assert found.window == timedelta(minutes=15)
        assert found.rule == "image-pulls-limited"
        assert found.fired

    def test_reads_american_times(self) -> None:
        """The window's times come in two forms (documented)."""
        assert alert("log_v1_common_platform").window == timedelta(minutes=15)

    def test_without_a_schemas_name(self) -> None:
        """A workspace's V1 alert is told by its fields."""
        found = alert("log_v1_workspace")

        assert found.schema == "workspace log alert V1"
        assert found.fired_at == datetime(2026, 5, 4, 9, 15, 12, tzinfo=UTC)
        assert found.workspace_ids == (WORKSPACE,)

    def test_of_application_insights_names_no_workspace(self) -> None:
        """Its link is of another service."""
        assert alert("log_v1_common_application_insights").workspace_ids == ()


class TestMetricAlerts:
    """Metric and Prometheus alerts: they say that something is wrong and where, never what."""

    @pytest.mark.parametrize(
        ("name", "resource"), [("metric_acr", ACR), ("metric_aks", AKS), ("metric_legacy", ACR), ("prometheus", AKS)]
    )
    def test_says_where_to_look(self, name: str, resource: str) -> None:
        """The target is the hint."""
        found = alert(name)

        assert resource in found.resource_ids
        assert found.fired

    @pytest.mark.parametrize("name", ["metric_resolved", "metric_legacy_deactivated"])
    def test_resolved(self, name: str) -> None:
        """Resolved in the one schema is Deactivated in the other."""
        assert not alert(name).fired

    def test_prometheus_has_labels_for_dimensions(self) -> None:
        """And annotations for messages."""
        found = alert("prometheus")

        assert (found.dimensions["pod"], found.window) == ("tempo-0", timedelta(minutes=1))
        assert found.texts == ("Container tempo of pod obs/tempo-0 waits: ImagePullBackOff, image pull failed.",)

    def test_the_target_of_prometheus_is_no_workspace_of_logs(self) -> None:
        """An Azure Monitor workspace holds metrics."""
        assert alert("prometheus").workspace_ids == ()


class TestActivityLogAlerts:
    """Activity-log alerts: what was done to which resource."""

    @pytest.mark.parametrize("name", ["activity_log", "activity_log_legacy"])
    def test_says_what_was_done_and_to_what(self, name: str) -> None:
        """Who did it stays where it is: claims are personal data."""
        found = alert(name)

        assert found.resource_ids == (f"{ACR}/cacherules/hub-nginx",)
        assert found.dimensions["operationName"].endswith("cacheRules/delete")
        assert "somebody" not in str(found).lower()


class TestRefused:
    """Documents that are no alert about logs, metrics or activity."""

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("refused_service_health", "ServiceHealth"),
            ("refused_budget", "CostAlerts"),
            ("refused_custom_json", "found text"),
            ("refused_event_grid", "array"),
        ],
    )
    def test_names_what_was_found_and_what_was_expected(self, name: str, word: str) -> None:
        """A person can set the rule right with it."""
        with pytest.raises(UnknownAlert) as refusal:
            alert(name)

        assert word in str(refusal.value)
        assert "expected" in str(refusal.value)

    @pytest.mark.parametrize(
        ("path", "value", "word"),
        [
            ("monitorCondition", "Maybe", "Fired or Resolved"),
            ("firedDateTime", "yesterday", "firedDateTime"),
            ("firedDateTime", None, "firedDateTime"),
            ("firedDateTime", "0001-01-01T00:00:00Z", "firedDateTime"),
            ("alertId", None, "alertId"),
            ("monitoringService", 5, "monitoringService"),
        ],
    )
    def test_names_the_field_that_is_wrong(self, path: str, value: object, word: str) -> None:
        """What nothing can be done without."""
        document = load("log_v2_dimensions")
        document["data"]["essentials"][path] = value

        with pytest.raises(UnknownAlert, match=word):
            parse_alert(document)

    @pytest.mark.parametrize("document", [None, 3, "alert", True, [], {}, {"schemaId": 7}, {"schemaId": "x" * 500}])
    def test_any_other_document(self, document: object) -> None:
        """Whatever JSON there is."""
        with pytest.raises(UnknownAlert, match="expected"):
            parse_alert(document)
