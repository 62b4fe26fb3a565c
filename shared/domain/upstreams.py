"""The upstream registries that ACR's artifact cache can pull from, and whether with credentials.

ACR refuses a rule whose host is not on its list (`UpstreamNotSupported`) and a Docker Hub rule without a credential set
(`EnforceDockerAuthentication`), so the planner knows both before it asks. The table is the one of
https://learn.microsoft.com/azure/container-registry/artifact-cache-overview#upstream-support (read August 2026), with
`eu.gcr.io` from the service's own refusal (observed, Azure/acr#862). It grows: a host that is missing here is a reason
to look there.
"""

from enum import StrEnum

import msgspec


class Authentication(StrEnum):
    """How ACR logs in to an upstream."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    REFUSED = "refused"


class Upstream(msgspec.Struct, frozen=True):
    """An upstream that ACR can cache.

    Attributes:
        host: its canonical host; a leading `*.` stands for one or more labels.
        authentication: whether a rule needs, may have, or must not have a credential set.
        secret_hint: what user name and secret are, where that is not obvious.
    """

    host: str
    authentication: Authentication
    secret_hint: str = ""


_NVIDIA_HINT = "the user name is $oauthtoken, the secret an NGC key"
_GOOGLE_HINT = "the user name is _json_key or _json_key_base64, the secret a service account's key"

UPSTREAMS = (
    Upstream("docker.io", Authentication.REQUIRED),
    Upstream("dhi.io", Authentication.REQUIRED, "Docker Hub credentials"),
    Upstream("mcr.microsoft.com", Authentication.REFUSED),
    Upstream("public.ecr.aws", Authentication.REFUSED),
    Upstream("ghcr.io", Authentication.OPTIONAL),
    Upstream("quay.io", Authentication.OPTIONAL),
    Upstream("registry.k8s.io", Authentication.OPTIONAL),
    Upstream("gcr.io", Authentication.OPTIONAL),
    Upstream("eu.gcr.io", Authentication.OPTIONAL),
    Upstream("nvcr.io", Authentication.OPTIONAL, _NVIDIA_HINT),
    Upstream("*.pkg.dev", Authentication.REQUIRED, _GOOGLE_HINT),
    Upstream("registry.redhat.io", Authentication.REQUIRED),
    Upstream("registry.access.redhat.com", Authentication.REFUSED),
)
"""What the documentation lists, save `*.azurecr.io`: such rules need an identity that no stable API can set."""

_BY_HOST = {upstream.host: upstream for upstream in UPSTREAMS if not upstream.host.startswith("*.")}
_BY_SUFFIX = {upstream.host[1:]: upstream for upstream in UPSTREAMS if upstream.host.startswith("*.")}


def upstream_for(host: str) -> Upstream | None:
    """The upstream behind a canonical host, None when ACR can't cache from it; case does not matter."""
    host = host.lower()
    if host in _BY_HOST:
        return _BY_HOST[host]
    return next((upstream for suffix, upstream in _BY_SUFFIX.items() if host.endswith(suffix) and host != suffix), None)


def why_not_supported(host: str) -> str:
    """Why no rule can be made for a host, in a sentence with what to do."""
    if host.lower().endswith(".azurecr.io"):
        return (
            f"{host} is a registry of ACR itself. A cache rule for it needs a user-assigned identity, which only a "
            "preview of the API offers; import the image or pull from that registry."
        )
    return (
        f"ACR's artifact cache can't pull from {host}. Copy the image once with `az acr import`, or use a copy "
        "of it on a supported registry."
    )
