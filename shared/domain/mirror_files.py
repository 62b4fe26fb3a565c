"""Mirrors as the files that a platform team applies: containerd's hosts.toml, a Kyverno policy, a Kustomize component.

Names of rules, hosts and paths come from a registry that others write to as well. They are checked before they come
here (`Mirrors` leaves out what ACR itself would refuse), and go through emitters that quote: YAML's own, and for TOML
the form of strings that it shares with JSON.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import yaml

from shared.domain.handoff import spellings
from shared.domain.host_mirrors import UpstreamMirrors, host_mirrors
from shared.domain.images import ImageReference
from shared.domain.mirrors import Mirrors
from shared.domain.rewriting import Rewrite, rewrites

_Dumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_CONTAINERS: Final = ("containers", "initContainers")


def hosts_toml(mirrors: Mirrors, upstream: str | None = None) -> str:
    """`hosts.toml` for containerd, a part for each upstream, or the file of one.

    A part belongs into `/etc/containerd/certs.d/<upstream>/hosts.toml`, which its first line says. Without `server`
    containerd falls back to the upstream itself (documented, containerd docs/hosts.md).
    """
    parts = [_part(mirrors, each) for each in host_mirrors(mirrors) if upstream in {None, each.host}]
    head = _comment(f"Made by Cachewarden from the cache rules of {mirrors.login_server}; see docs/mirrors.md.")
    return "\n".join([head, *parts])


def _part(mirrors: Mirrors, upstream: UpstreamMirrors) -> str:
    lines = ["", _comment(f"/etc/containerd/certs.d/{upstream.host}/hosts.toml")]
    lines += [_comment(f"not usable as a mirror: {why}") for why in upstream.unusable]
    for mirror in upstream.mirrors:
        address = f"https://{mirrors.login_server}" + (f"/v2/{mirror.prefix}" if mirror.prefix else "")
        lines += [f"[host.{_toml(address)}]", 'capabilities = ["pull", "resolve"]']
        lines += ["override_path = true"] if mirror.prefix else []
    return "\n".join([*lines, ""])


def kyverno_policy(mirrors: Mirrors, registry: str) -> str:
    """A ClusterPolicy that rewrites the images of pods as they are made, as far as a rule covers them."""
    found = rewrites(mirrors)
    policy = {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {
            "name": f"cachewarden-{registry.lower()}",
            "annotations": {
                "policies.kyverno.io/title": "Pull through the artifact cache",
                "policies.kyverno.io/description": f"Made from the cache rules of {mirrors.login_server}.",
                "pod-policies.kyverno.io/autogen-controllers": "none",
            },
        },
        "spec": {
            "background": False,
            "rules": [_kyverno_rule(kind, found) for kind in _CONTAINERS] if found else [],
        },
    }
    return _yaml(policy)


def _kyverno_rule(kind: str, found: Sequence[Rewrite]) -> Mapping[str, Any]:
    return {
        "name": f"rewrite-{kind.lower()}",
        "match": {"any": [{"resources": {"kinds": ["Pod"], "operations": ["CREATE", "UPDATE"]}}]},
        "mutate": {"foreach": [_kyverno_step(kind, rewrite) for rewrite in found]},
    }


def _kyverno_step(kind: str, rewrite: Rewrite) -> Mapping[str, Any]:
    image = f"{{{{ regex_replace_all('{rewrite.pattern}', element.image, '{rewrite.replacement}') }}}}"
    return {
        "list": f"request.object.spec.{kind} || `[]`",
        "preconditions": {
            "all": [_matches(rewrite.pattern, wanted=True), *(_matches(one, wanted=False) for one in rewrite.unless)]
        },
        "patchStrategicMerge": {"spec": {kind: [{"name": "{{ element.name }}", "image": image}]}},
    }


def _matches(pattern: str, *, wanted: bool) -> Mapping[str, Any]:
    return {"key": f"{{{{ regex_match('{pattern}', element.image) }}}}", "operator": "Equals", "value": wanted}


def kustomize_component(mirrors: Mirrors, images: Iterable[ImageReference]) -> str:
    """A Kustomize component that renames the images that are known and covered; tags and digests stay."""
    names: dict[str, str] = {}
    for image in images:
        if (target := mirrors.pull_from(image.source)) is not None:
            names |= dict.fromkeys(spellings(image), target)
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "images": [{"name": name, "newName": target} for name, target in sorted(names.items())],
    }
    return _yaml(component)


def _yaml(document: Mapping[str, Any]) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1000)
    return text


def _toml(text: str) -> str:
    """A basic string: JSON escapes what TOML wants escaped, but for DEL; surrogate pairs TOML would not read."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "# " + "".join(character if character.isprintable() else "?" for character in text)
