"""Kubernetes: failed pulls from KubeEvents or the audit log, and the owners of the pods from KubePodInventory.

KubeEvents knows the image and the cause but only the pod; the inventory knows the pod's controller and its waiting
containers but neither image nor cause. They are joined here, by cluster, namespace and pod.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.failures import PullFailure, Workload
from shared.queries.reading import diagnosed, failure
from shared.queries.rows import Row, names, text
from shared.queries.source import LogSource

type Pod = tuple[str, str, str]
"""Cluster, namespace and name of a pod."""

_MOST_WORKLOADS = 50
_TEMPLATE_HASH = re.compile(r"(.{1,253})-[bcdfghjklmnpqrstvwxz2456789]{5,10}")
_SCHEDULED = re.compile(r"(.{1,253})-[0-9]{8,10}")


def read_events(rows: Sequence[Row]) -> list[PullFailure]:
    """The failures in rows with Pods as `namespace/name`; the workloads are the pods."""
    found = (failure(row, diagnosed(row), _pods(row)) for row in rows)
    return [item for item in found if item is not None]


def owners(rows: Sequence[Row]) -> dict[Pod, Workload]:
    """The controller of each pod in the inventory's rows, a Deployment for its ReplicaSets, a CronJob for its Jobs."""
    found: dict[Pod, Workload] = {}
    for row in rows:
        resource, namespace, name = text(row, "Resource").lower(), text(row, "Namespace"), text(row, "Name")
        kind, controller = _controller(text(row, "ControllerKind"), text(row, "ControllerName"))
        if not controller:
            kind, controller = "Pod", name
        found[resource, namespace, name] = Workload(resource, namespace, kind, controller, names(row, "Containers"))
    return found


def with_owners(failures: Sequence[PullFailure], pods: Mapping[Pod, Workload]) -> list[PullFailure]:
    """The failures with each pod replaced by its owner where the inventory names one; every owner once."""
    return [
        msgspec.structs.replace(item, workloads=_owned(item.workloads, pods)) if item.workloads else item
        for item in failures
    ]


def _owned(workloads: Sequence[Workload], pods: Mapping[Pod, Workload]) -> tuple[Workload, ...]:
    containers: dict[Workload, set[str]] = {}
    for workload in workloads:
        owner = pods.get((workload.resource_id, workload.namespace, workload.name), workload)
        owner = owner if workload.kind == "Pod" else workload
        containers.setdefault(msgspec.structs.replace(owner, containers=()), set()).update(owner.containers)
    return tuple(
        msgspec.structs.replace(owner, containers=tuple(sorted(waiting)))
        for owner, waiting in sorted(containers.items())[:_MOST_WORKLOADS]
    )


def _pods(row: Row) -> tuple[Workload, ...]:
    resource = text(row, "Resource").lower()
    pairs = (pod.partition("/") for pod in names(row, "Pods"))
    return tuple(Workload(resource, namespace, "Pod", name) for namespace, _, name in pairs if name)


def _controller(kind: str, name: str) -> tuple[str, str]:
    """The object that a person edits, told by the names that Kubernetes makes up for what it owns (documented)."""
    if kind == "ReplicaSet" and (match := _TEMPLATE_HASH.fullmatch(name)):
        return "Deployment", match[1]
    if kind == "Job" and (match := _SCHEDULED.fullmatch(name)):
        return "CronJob", match[1]
    return kind or "Pod", name


KUBE_EVENTS = LogSource("kube_events", ("KubeEvents",), read_events)
KUBE_PODS = LogSource("kube_pods", ("KubePodInventory",), lambda _rows: [])
"""Says who, never what: its rows are read by `owners`."""
AKS_AUDIT = LogSource("aks_audit", ("AKSAudit",), read_events)
