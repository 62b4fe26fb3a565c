"""What a diagnosis says."""

from enum import StrEnum

import msgspec

from shared.domain.images import ImageReference


class Cause(StrEnum):
    """Why a pull failed; docs/failures.md says what cures which.

    `RATE_LIMITED` is Docker Hub's pull limit, met directly or by ACR through a cache rule. `ABUSE_LIMITED` is Docker
    Hub's other limit, against which no rule helps. `REGISTRY_THROTTLED` is any other registry's own limit.
    """

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
        rate_limited: a registry refused a read because of a limit or quota, directly or through a cache rule.
        image: the image that failed, as it was pulled (behind a mirror or ACR: the name there); None when none is.
        upstream: the repository that ACR asked through a cache rule, where the text names it: `docker.io/acme/app`
        cache_rule: the ACR cache rule that the text names, None when it names none.
        runtime: the software that wrote the text: `containerd`, `crio`, `docker`, `buildkit`, `acr`, … or `unknown`.
        limit: whose limit it is: `anonymous`, `authenticated` or `account` (a named one) at Docker Hub, else the host
            of the registry; None for other causes and when the text doesn't say.
        evidence: the part of the text that decided, redacted, at most 500 characters.
        span: where in the evidence the deciding words stand, start and end; equal when nothing decided.
    """

    cause: Cause
    rate_limited: bool = False
    image: ImageReference | None = None
    upstream: str | None = None
    cache_rule: str | None = None
    runtime: str = "unknown"
    limit: str | None = None
    evidence: str = ""
    span: tuple[int, int] = (0, 0)
