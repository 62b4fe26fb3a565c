"""The hand-off: what people must still change so that a workload pulls from the registry, as lines to copy.

ACR's cache is not transparent: until the reference changes, the workload keeps pulling from the upstream. Names of
workloads come from logs, which strangers write, and end up in a line that somebody pastes into a shell: a name that
Kubernetes would not accept gets no line, and everything is quoted besides.
"""

import re
import shlex
from collections.abc import Iterable

from shared.domain.failures import Workload
from shared.domain.images import DOCKER_HUB, ImageReference, parse_reference
from shared.domain.incidents import Incident
from shared.domain.notices import HandOff
from shared.domain.plans import (
    Action,
    AttachCredentialSet,
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
)

_KUBERNETES_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_AZURE_APP = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/(?P<group>[\w().-]+)/providers/"
    r"(?P<type>microsoft\.app/containerapps|microsoft\.web/sites)/(?P<name>[\w-]+)",
    re.IGNORECASE,
)
_SETTABLE = {
    "deployment": "deployment",
    "statefulset": "statefulset",
    "daemonset": "daemonset",
    "replicaset": "replicaset",
    "replicationcontroller": "replicationcontroller",
    "cronjob": "cronjob",
    "pod": "pod",
}
"""What `kubectl set image` can change (documented); a Job's template can't be changed at all."""

_SECRET = re.compile(r"[A-Za-z0-9-]{1,127}")
_CONTAINER = "<container>"


def hand_off(incident: Incident) -> tuple[HandOff, ...]:
    """What is left to do for each failing image of an incident that something serves, oldest first.

    When more references fail than the incident lists, the repository comes first: its lines hold for every tag.
    """
    return _of_repository(incident) + tuple(
        HandOff(
            image=image,
            pull_from=pull_from,
            commands=commands(pull_from, incident.workloads.get(image, ())),
            kustomize=kustomize_images(parse_reference(image), pull_from),
            helm=helm_values(pull_from),
            dockerfile=dockerfile_line(pull_from),
        )
        for image, pull_from in incident.pull_from.items()
    )


def _of_repository(incident: Incident) -> tuple[HandOff, ...]:
    first = next(iter(incident.pull_from.values()), None)
    if first is None or not incident.others:
        return ()
    pull_from, repository = parse_reference(first).source, parse_reference(incident.source)
    lines = kustomize_images(repository, pull_from)
    return (HandOff(image=incident.source, pull_from=pull_from, kustomize=lines, helm=helm_values(pull_from)),)


def commands(pull_from: str, workloads: Iterable[Workload]) -> tuple[str, ...]:
    """One line per workload that a line can change, each once; `<container>` where the logs do not say which."""
    lines = (_command(pull_from, workload) for workload in workloads)
    return tuple(dict.fromkeys(line for line in lines if line is not None))


def _command(pull_from: str, workload: Workload) -> str | None:
    if app := _AZURE_APP.fullmatch(workload.resource_id):
        return _app_command(pull_from, app["type"].lower(), app["group"], app["name"], workload.containers)
    kind = _SETTABLE.get(workload.kind.lower())
    names = (workload.name, *([workload.namespace] if workload.namespace else []))
    if kind is None or not all(_KUBERNETES_NAME.fullmatch(name) for name in names):
        return None
    words = ["kubectl", "set", "image", f"{kind}/{workload.name}", f"{_container(workload)}={pull_from}"]
    return shlex.join([*words, "-n", workload.namespace] if workload.namespace else words)


def _app_command(pull_from: str, kind: str, group: str, name: str, containers: tuple[str, ...]) -> str:
    if kind == "microsoft.web/sites":
        words = [
            "az",
            "webapp",
            "config",
            "container",
            "set",
            "-g",
            group,
            "-n",
            name,
            "--container-image-name",
            pull_from,
        ]
    else:
        words = ["az", "containerapp", "update", "-g", group, "-n", name]
        if len(containers) == 1 and _KUBERNETES_NAME.fullmatch(containers[0]):
            words += ["--container-name", containers[0]]
        words += ["--image", pull_from]
    return shlex.join(words)


def _container(workload: Workload) -> str:
    """The container's name where there is only one; a log line does not say which of several wanted the image."""
    only = workload.containers[0] if len(workload.containers) == 1 else ""
    return only if _KUBERNETES_NAME.fullmatch(only) else _CONTAINER


def spellings(image: ImageReference) -> tuple[str, ...]:
    """How manifests may spell a repository: `nginx`, `library/nginx`, `docker.io/nginx`, `docker.io/library/nginx`."""
    if image.registry != DOCKER_HUB:
        return (image.source,)
    short = image.repository.removeprefix("library/")
    if "/" in short:
        return short, image.source
    return short, image.repository, f"{DOCKER_HUB}/{short}", image.source


def kustomize_images(image: ImageReference, pull_from: str) -> str:
    """The `images:` part of a kustomization; Kustomize compares names as they are written: each spelling is there."""
    target = parse_reference(pull_from)
    lines = ["images:"]
    for spelling in spellings(image):
        lines += [f"  - name: {spelling}", f"    newName: {target.source}"]
        lines += [f'    newTag: "{target.tag}"'] if target.tag and not target.digest else []
        lines += [f"    digest: {target.digest}"] if target.digest else []
    return "\n".join(lines)


def helm_values(pull_from: str) -> str:
    """The values that most charts read an image from; charts differ in whether they have `registry` and `digest`."""
    target = parse_reference(pull_from)
    lines = ["image:", f"  registry: {target.registry}", f"  repository: {target.repository}"]
    lines += [f'  tag: "{target.tag}"'] if target.tag else []
    lines += [f"  digest: {target.digest}"] if target.digest else []
    return "\n".join(lines)


def kustomize_edit(image: ImageReference, pull_from: str) -> str:
    """The same as one line for a shell."""
    words = [f"{spelling}={pull_from}" for spelling in spellings(image)]
    return shlex.join(["kustomize", "edit", "set", "image", *words])


def helm_set(pull_from: str) -> str:
    """The same values as options of `helm upgrade`; as strings, because a tag such as 1.10 is no number."""
    target = parse_reference(pull_from)
    values = [f"image.registry={target.registry}", f"image.repository={target.repository}"]
    values += [f"image.tag={target.tag}"] if target.tag else []
    values += [f"image.digest={target.digest}"] if target.digest else []
    return shlex.join(["--set-string", ",".join(values)])


def dockerfile_line(pull_from: str) -> str:
    """The first line of a Dockerfile that builds on the image."""
    return f"FROM {pull_from}"


def by_hand(action: Action, registry_name: str, vault_id: str | None = None) -> tuple[str, ...]:
    """The `az` lines that do what an action does; without the vault's ARM id, they look it up by its name."""
    match action:
        case CreateCredentialSet():
            words = ["credential-set", "create", "-r", registry_name, "-n", action.name]
            words += ["-l", action.login_server, "-u", action.username_secret, "-p", action.token_secret]
        case GrantVaultAccess():
            return tuple(_grant_line(action, secret, registry_name, vault_id) for secret in action.secrets)
        case CreateCacheRule():
            words = [
                "cache",
                "create",
                "-r",
                registry_name,
                "-n",
                action.name,
                "-s",
                action.source,
                "-t",
                action.target,
            ]
            words += ["-c", action.credential_set] if action.credential_set else []
        case AttachCredentialSet():
            words = ["cache", "update", "-r", registry_name, "-n", action.rule, "-c", action.credential_set]
    return (shlex.join(["az", "acr", *words]),)


def _grant_line(action: GrantVaultAccess, secret: str, registry_name: str, vault_id: str | None) -> str:
    """The role on one secret alone; the identity is only known once the credential set exists."""
    principal = ["az", "acr", "credential-set", "show", "-r", registry_name, "-n", action.credential_set]
    principal += ["--query", "identity.principalId", "-o", "tsv"]
    name = action.vault.removeprefix("https://").partition(".")[0]
    vault = ["az", "keyvault", "show", "-n", name, "--query", "id", "-o", "tsv"]
    scope = f"{vault_id or f'$({shlex.join(vault)})'}/secrets/{secret if _SECRET.fullmatch(secret) else '<secret>'}"
    return (
        'az role assignment create --role "Key Vault Secrets User" --assignee-principal-type ServicePrincipal '
        f'--assignee-object-id "$({shlex.join(principal)})" --scope "{scope}"'
    )
