"""Runtimes: which software wrote a text, told by the words that only it uses. Good for display and statistics, never for a decision."""

from shared.domain.diagnosis.unwrapping import Text

_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("acr", ("for cache rule", "acb_step", "cannot create cache rule", "enforcedockerauthentication", "az acr import")),
    ("aci", ("registryerrorresponse", "inaccessibleimage", "container group")),
    ("appservice", ("dockerapiexception", "issuing docker pull", "from docker hub:", "docker pull returned stderr")),
    (
        "aca",
        (
            "imagepullunauthorized",
            "imagepullfailure",
            "cappsimagepullerrors",
            "persistent image pull errors",
            "field 'template.",
        ),
    ),
    ("helm", ("helm ", "installation failed:", "upgrade failed:")),
    ("flux", ("artifact tag for", "ocirepository", "helmchart", "source-controller")),
    ("argocd", ("argocd", "argo cd", "application controller")),
    ("buildkit", ("failed to solve", "load metadata for", "source metadata for", "buildkit", "buildx")),
    ("kaniko", ("kaniko", "retrieving image manifest", "error building image:")),
    ("testcontainers", ("testcontainers",)),
    (
        "containerd",
        ("failed to pull and unpack image", "httpreadseeker", "httpreaderseeker", "ctr: ", "crictl", "nerdctl"),
    ),
    (
        "docker",
        ("error response from daemon", "from registry: you have", "http+docker", "docker.errors.", "dockerjava"),
    ),
    (
        "crio",
        (
            "cri-o",
            "rpc error: code = unknown desc = reading manifest",
            "rpc error: code = unknown desc = initializing source",
        ),
    ),
    ("crio", ("unable to pull image or oci artifact", "rpc error: code = unknown desc = pinging container registry")),
    ("buildah", ("buildah",)),
    ("skopeo", ("skopeo", "error copying ref")),
    ("podman", ("podman", "initializing source", "reading manifest", "trying to pull ", "pinging container registry")),
    ("trivy", ("trivy",)),
    ("cosign", ("cosign", "signing [")),
    (
        "containerd",
        ("failed to resolve reference", "failed to do request: ", "unexpected status from", "failed to resolve ref"),
    ),
    ("helm", ("oci://",)),
    ("oras", ("response status code ",)),
    ("docker", ("docker pull", "docker run", "docker: ", "docker compose", "docker-compose", "docker image")),
    ("go-containerregistry", ("get https://", "fetching manifest ", 'reading image "')),
    ("kubelet", ("back-off pulling image", "errimagepull", "imagepullbackoff", "failed to pull image", "qps exceeded")),
)


def find_runtime(text: Text) -> str:
    """The software that wrote the text, `unknown` when nothing tells."""
    low = text.low
    for runtime, signs in _SIGNS:
        for sign in signs:
            if sign in low:
                return runtime
    return "unknown"
