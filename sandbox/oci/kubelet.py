"""What the kubelet writes into its events when containerd can't pull; the sandbox's cluster logs these texts.

The forms are those of containerd 1.7 and 2 and of the kubelet above it, as seen in public issue threads. Addresses are
the real ones of Docker Hub, because that is what stands in a cluster's log.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec

from sandbox.oci.references import DOCKER_HUB, Reference
from sandbox.oci.refusals import PullRefused, RegistryUnreachable, Step

_HUB_REGISTRY: Final = "registry-1.docker.io"
_HUB_AUTH: Final = "auth.docker.io"


class KubeletEvent(msgspec.Struct, frozen=True):
    """One event of a pod: `KubeEvents` has these as `Reason` and `Message`."""

    reason: str
    message: str


def failed_pull_events(image: str, error: PullRefused | RegistryUnreachable) -> list[KubeletEvent]:
    """The three events that follow each other when the image that a pod names, as written, can't be pulled."""
    return [
        KubeletEvent("Failed", failed_to_pull(image, error)),
        KubeletEvent("Failed", "Error: ErrImagePull"),
        KubeletEvent("BackOff", f'Back-off pulling image "{image}"'),
    ]


def failed_to_pull(image: str, error: PullRefused | RegistryUnreachable, *, rpc: bool = False) -> str:
    """The kubelet's message; `rpc` puts gRPC's words in front of the cause, as kubelets before 1.30 do."""
    code = "NotFound" if isinstance(error, PullRefused) and error.status == HTTPStatus.NOT_FOUND else "Unknown"
    prefix = f"rpc error: code = {code} desc = " if rpc else ""
    return f'Failed to pull image "{image}": {prefix}{containerd_message(image, error)}'


def containerd_message(image: str, error: PullRefused | RegistryUnreachable) -> str:
    """What containerd itself says about the image as it was written."""
    reference = Reference.parse(image)
    return f'failed to pull and unpack image "{reference}": {_cause(reference, error)}'


def _cause(reference: Reference, error: PullRefused | RegistryUnreachable) -> str:
    resolve = f'failed to resolve reference "{reference}": '
    if isinstance(error, RegistryUnreachable):
        host = _HUB_REGISTRY if reference.host == DOCKER_HUB else reference.host
        url = f"https://{host}/v2/{reference.repository}/manifests/{reference.manifest}"
        return f'{resolve}failed to do request: Head "{url}": {error.reason}'
    if error.step is Step.AUTHORIZE:
        kind = "oauth" if error.authenticated else "anonymous"
        return f"{resolve}failed to authorize: failed to fetch {kind} token: {_status(reference, error)}"
    if error.step is Step.FETCH:
        return f"failed to copy: httpReadSeeker: failed open: {_fetch_status(reference, error)}"
    if error.status == HTTPStatus.NOT_FOUND:
        return f"{resolve}{reference}: not found"
    if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        denied = "pull access denied, repository does not exist or may require authorization"
        server = "authorization failed: no basic auth credentials"
        if error.scope_missing:
            server = "insufficient_scope: authorization failed"
        return f"{resolve}{denied}: server message: {server}"
    return resolve + _status(reference, error)


def _status(reference: Reference, error: PullRefused) -> str:
    return (
        f"unexpected status from {error.answer.method} request to {_public_url(reference, error)}: "
        f"{error.status} {HTTPStatus(error.status).phrase}"
    )


def _fetch_status(reference: Reference, error: PullRefused) -> str:
    line = f"unexpected status code {_public_url(reference, error)}: {error.status} {HTTPStatus(error.status).phrase}"
    if not error.code:
        return line
    return f"{line} - Server message: {error.code.lower().replace('_', ' ')}: {error.message}"


def _public_url(reference: Reference, error: PullRefused) -> str:
    url = urlsplit(error.answer.url)
    host = url.netloc
    if reference.host == DOCKER_HUB:
        host = _HUB_AUTH if error.step is Step.AUTHORIZE else _HUB_REGISTRY
    return url._replace(scheme="https", netloc=host).geturl()
