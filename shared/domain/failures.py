"""Pull failures: what failed, why, whose limit, which image (helper E1 completes this module)."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.images import ImageReference


class Cause(StrEnum):
    """Why a pull failed; the design page says what cures which."""

    RATE_LIMITED = "rate_limited"
    ABUSE_LIMITED = "abuse_limited"
    CREDENTIAL_REJECTED = "credential_rejected"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    NETWORK = "network"
    TLS = "tls"
    KUBELET_THROTTLED = "kubelet_throttled"
    AZURE_THROTTLED = "azure_throttled"
    REGISTRY_THROTTLED = "registry_throttled"
    UNKNOWN = "unknown"


class Diagnosis(msgspec.Struct, frozen=True):
    """What one failure text says.

    Attributes:
        cause: why the pull failed.
        rate_limited: an upstream registry refused a read because of a limit or quota, directly or through a cache rule.
        image: the image that failed, None when the text names none.
        cache_rule: the ACR cache rule that the text names, None when it names none.
        runtime: the software that wrote the text: `containerd`, `cri-o`, `docker`, `acr`, … or `unknown`.
        limit: whose limit, where one was hit: `anonymous`, `authenticated`, `account`, or a registry's host.
        evidence: the part of the text that decided, redacted, at most 500 characters.
    """

    cause: Cause
    rate_limited: bool = False
    image: ImageReference | None = None
    cache_rule: str | None = None
    runtime: str = "unknown"
    limit: str | None = None
    evidence: str = ""


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
