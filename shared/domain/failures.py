"""Pull failures: what failed, why, whose limit, which image, and who wanted it."""

from datetime import datetime

import msgspec

from shared.domain.diagnosis import Cause, Diagnosis, diagnose

__all__ = ["Cause", "Diagnosis", "PullFailure", "Workload", "diagnose"]


class Workload(msgspec.Struct, frozen=True, order=True):
    """What wanted the image.

    Attributes:
        resource_id: the ARM id of the cluster, app or container group, in lower case.
        namespace: the Kubernetes namespace, empty outside Kubernetes.
        kind: `Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `CronJob`, `Pod`, `ContainerApp`, `WebApp`, …
        name: the controller's name, or the pod's when it has none.
        containers: the names of its containers, sorted; empty when the logs don't say.
    """

    resource_id: str
    namespace: str = ""
    kind: str = "Pod"
    name: str = ""
    containers: tuple[str, ...] = ()


class PullFailure(msgspec.Struct, frozen=True):
    """Observed failures of one image with one cause at one resource.

    Attributes:
        diagnosis: what the message says.
        resource_id: the ARM id of the resource that failed to pull, in lower case; empty when the source doesn't say.
        workloads: who wanted it, bounded.
        count: how many pulls failed.
        first_seen: when the first failed.
        last_seen: when the last failed.
    """

    diagnosis: Diagnosis
    resource_id: str
    first_seen: datetime
    last_seen: datetime
    count: int = 1
    workloads: tuple[Workload, ...] = ()
