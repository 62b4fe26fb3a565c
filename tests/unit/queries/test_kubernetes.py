"""Kubernetes: failed pulls from KubeEvents and the audit log, with their owners from the inventory."""

import json
from typing import Any

from shared.domain.failures import Cause, Workload
from shared.queries import SOURCES, read_failures
from shared.queries.kubernetes import AKS_AUDIT, KUBE_EVENTS, KUBE_PODS, owners
from tests.fixtures.failure_texts import LIMITED_TEMPO, TEMPO, kubelet, refused_get
from tests.unit.queries.conftest import Asked, minutes_ago

CLUSTER = "/subscriptions/s/resourceGroups/RG/providers/Microsoft.ContainerService/managedClusters/prod"
LOW = CLUSTER.lower()


def event(pod: str, message: str = LIMITED_TEMPO, **columns: Any) -> dict[str, Any]:
    """A row of KubeEvents."""
    seen = {"Count": 1, "FirstSeen": minutes_ago(9), "LastSeen": minutes_ago(5)}
    told = {"ObjectKind": "Pod", "Reason": "Failed", "KubeEventType": "Warning", "Message": message}
    return {"Namespace": "obs", "Name": pod, "_ResourceId": CLUSTER} | told | seen | columns


def pod(name: str, kind: str, controller: str, container: str = "main", **columns: Any) -> dict[str, Any]:
    """A row of KubePodInventory for a container that waits for its image."""
    waiting = {"ContainerStatus": "waiting", "ContainerStatusReason": "ErrImagePull", "PodStatus": "Pending"}
    named = {"Name": name, "Namespace": "obs", "ContainerName": f"uid/{container}", "_ResourceId": CLUSTER}
    return named | waiting | {"ControllerKind": kind, "ControllerName": controller} | columns


class TestKubeEvents:
    """KubeEvents."""

    async def test_one_failure_per_image_and_cluster(self, asked: Asked) -> None:
        """Pods of one image are one failure; repetitions of an event are counted by the event itself."""
        asked.add("KubeEvents", event("a", Count=2), event("a", Count=7, LastSeen=minutes_ago(2)), event("b", Count=3))

        [found] = await asked.failures(KUBE_EVENTS)

        assert (found.diagnosis.cause, str(found.diagnosis.image)) == (Cause.RATE_LIMITED, TEMPO)
        assert (found.count, found.resource_id) == (10, LOW)
        assert (found.first_seen, found.last_seen) == (minutes_ago(9), minutes_ago(2))
        assert found.workloads == (Workload(LOW, "obs", "Pod", "a"), Workload(LOW, "obs", "Pod", "b"))

    async def test_images_and_clusters_are_kept_apart(self, asked: Asked) -> None:
        """Two images and two clusters are three failures here."""
        loki = kubelet("grafana/loki:3", "docker.io/grafana/loki:3", refused_get("grafana/loki"))
        asked.add("KubeEvents", event("a"), event("b", loki), event("c", _ResourceId=CLUSTER + "2"))

        found = await asked.failures(KUBE_EVENTS)

        assert sorted((f.resource_id, str(f.diagnosis.image)) for f in found) == [
            (LOW, "docker.io/grafana/loki:3"),
            (LOW, TEMPO),
            (LOW + "2", TEMPO),
        ]

    async def test_the_backing_off_adds_nothing(self, asked: Asked) -> None:
        """The event without a cause is left out where the one with the cause is there, and kept where it is alone."""
        alone = 'Back-off pulling image "acme/app:1"'
        asked.add(
            "KubeEvents",
            event("a"),
            event("a", 'Back-off pulling image "grafana/tempo:2.4"', Reason="BackOff", Count=40),
            event("b", alone, Reason="BackOff"),
        )

        found = {str(f.diagnosis.image): f for f in await asked.failures(KUBE_EVENTS)}

        assert sorted(found) == ["docker.io/acme/app:1", TEMPO]
        assert (found[TEMPO].count, found["docker.io/acme/app:1"].diagnosis.cause) == (1, Cause.UNKNOWN)

    async def test_other_events_are_left_out(self, asked: Asked) -> None:
        """Failures to start, schedule or mount are no pulls."""
        asked.add(
            "KubeEvents",
            event("a", "Error: ImagePullBackOff"),
            event("a", "Back-off restarting failed container", Reason="BackOff"),
            event("a", "MountVolume.SetUp failed", Reason="FailedMount"),
            event("n", ObjectKind="Node"),
        )

        assert await asked.failures(KUBE_EVENTS) == []

    async def test_the_window_is_the_requests(self, asked: Asked) -> None:
        """No time stands in the query, so the caller's window holds."""
        asked.add("KubeEvents", event("old", TimeGenerated=minutes_ago(90)), event("new"))

        [row] = await asked.rows(KUBE_EVENTS)

        assert json.loads(row["Pods"]) == ["obs/new"]

    async def test_limits_come_first_when_rows_are_cut(self, asked: Asked) -> None:
        """A bound on rows never hides a limit behind other failures."""
        gone = [event(f"p{n}", f'Failed to pull image "acme/gone:v{n}": not found', Count=9) for n in range(520)]
        asked.add("KubeEvents", *gone, event("z"))

        rows = await asked.rows(KUBE_EVENTS)

        assert len(rows) == 500
        assert rows[0]["Image"] == "grafana/tempo:2.4"

    async def test_a_storm_names_a_bounded_number_of_pods(self, asked: Asked) -> None:
        """Fifty workloads are enough to tell people; the count holds them all."""
        asked.add("KubeEvents", *[event(f"p{n:03}") for n in range(200)])

        [found] = await asked.failures(KUBE_EVENTS)

        assert (found.count, len(found.workloads)) == (200, 50)

    async def test_an_arc_cluster_without_a_resource_id(self, asked: Asked) -> None:
        """The cluster's own id stands in another column."""
        asked.add("KubeEvents", event("a", _ResourceId="", ClusterId=CLUSTER))

        [found] = await asked.failures(KUBE_EVENTS)

        assert found.resource_id == LOW


class TestOwners:
    """The controllers that own the failing pods."""

    async def test_are_what_a_person_edits(self, asked: Asked) -> None:
        """A Deployment for its ReplicaSet, a CronJob for its Job, and each other controller as it is."""
        asked.add(
            "KubeEvents",
            *[event(name) for name in ("web-6d4cf56db6-x", "db-0", "log-2", "nightly-28394820-y", "once-z", "bare")],
        )
        asked.add(
            "KubePodInventory",
            pod("web-6d4cf56db6-x", "ReplicaSet", "web-6d4cf56db6"),
            pod("db-0", "StatefulSet", "db"),
            pod("log-2", "DaemonSet", "log"),
            pod("nightly-28394820-y", "Job", "nightly-28394820"),
            pod("once-z", "Job", "once"),
            pod("bare", "", ""),
        )

        [found] = await asked.failures(KUBE_EVENTS, KUBE_PODS)

        assert [(w.kind, w.name) for w in found.workloads] == [
            ("CronJob", "nightly"),
            ("DaemonSet", "log"),
            ("Deployment", "web"),
            ("Job", "once"),
            ("Pod", "bare"),
            ("StatefulSet", "db"),
        ]

    async def test_pods_of_one_owner_are_one_workload_with_its_waiting_containers(self, asked: Asked) -> None:
        """Containers that run already wait for nothing."""
        running = {"ContainerStatus": "running", "ContainerStatusReason": ""}
        asked.add("KubeEvents", event("web-6d4cf56db6-x"), event("web-6d4cf56db6-y"))
        asked.add(
            "KubePodInventory",
            pod("web-6d4cf56db6-x", "ReplicaSet", "web-6d4cf56db6", "app"),
            pod("web-6d4cf56db6-x", "ReplicaSet", "web-6d4cf56db6", "proxy", **running),
            pod("web-6d4cf56db6-y", "ReplicaSet", "web-6d4cf56db6", "init"),
        )

        [found] = await asked.failures(KUBE_EVENTS, KUBE_PODS)

        assert found.workloads == (Workload(LOW, "obs", "Deployment", "web", ("app", "init")),)

    async def test_a_pod_of_the_same_name_elsewhere_is_another(self, asked: Asked) -> None:
        """Names are unique within a namespace of a cluster only."""
        asked.add("KubeEvents", event("db-0"))
        asked.add("KubePodInventory", pod("db-0", "StatefulSet", "db", Namespace="other"))

        [found] = await asked.failures(KUBE_EVENTS, KUBE_PODS)

        assert found.workloads == (Workload(LOW, "obs", "Pod", "db-0"),)

    async def test_are_those_of_pending_pods(self, asked: Asked) -> None:
        """The inventory is a sample: a pod may be between two pulls when it is taken."""
        asked.add("KubePodInventory", pod("a", "StatefulSet", "a", ContainerStatusReason="ContainerCreating"))

        assert owners(await asked.rows(KUBE_PODS)) == {(LOW, "obs", "a"): Workload(LOW, "obs", "StatefulSet", "a")}


class TestAksAudit:
    """The audit log, asked only where somebody opted in."""

    async def test_reads_the_events_that_kubelets_report(self, asked: Asked) -> None:
        """The request of an event holds what KubeEvents would."""
        involved = {"kind": "Pod", "namespace": "obs", "name": "tempo-0"}
        body = {"reason": "Failed", "message": LIMITED_TEMPO, "count": 4, "involvedObject": involved}
        row = {
            "Stage": "ResponseComplete",
            "Verb": "patch",
            "ObjectRef": {"resource": "events"},
            "_ResourceId": CLUSTER,
        }
        asked.add(
            "AKSAudit",
            row | {"RequestObject": body},
            row | {"RequestObject": body, "Stage": "RequestReceived"},
            row | {"RequestObject": "skipped-too-big-size-object"},
            row | {"RequestObject": body, "ObjectRef": {"resource": "pods"}},
        )

        [found] = await asked.failures(AKS_AUDIT)

        assert (found.count, str(found.diagnosis.image), found.resource_id) == (4, TEMPO, LOW)
        assert found.workloads == (Workload(LOW, "obs", "Pod", "tempo-0"),)

    def test_is_not_asked_by_itself(self) -> None:
        """It is large."""
        assert AKS_AUDIT not in SOURCES


class TestReading:
    """`read_failures`."""

    def test_of_no_rows_is_nothing(self) -> None:
        """A workspace may lack every table."""
        assert read_failures({}) == []

    def test_ignores_rows_of_unknown_sources(self) -> None:
        """What nobody asked is not read."""
        assert read_failures({"else": [{"Text": LIMITED_TEMPO}]}) == []
