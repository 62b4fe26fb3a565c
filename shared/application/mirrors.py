"""Mirrors over HTTP: what a platform team applies so that workloads pull through the cache as they are."""

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from shared.application.documents import Document
from shared.application.incident_ports import Incidents
from shared.application.questions import BadQuestion, NotFound, word
from shared.application.survey import Survey
from shared.domain.host_mirrors import UpstreamMirrors, host_mirrors
from shared.domain.images import ImageReference, InvalidReference, parse_reference
from shared.domain.incidents import registry_key
from shared.domain.mirror_files import hosts_toml, kustomize_component, kyverno_policy
from shared.domain.mirrors import LeftOut, Mirrors
from shared.domain.policy import Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot

_MOST_INCIDENTS: Final = 1000
_YAML: Final = "application/yaml"
_TOML: Final = "application/toml"


class MirrorFormat(StrEnum):
    """What a team applies: to its nodes, its cluster, its manifests, or by a program of its own."""

    JSON = "json"
    CONTAINERD = "containerd"
    KYVERNO = "kyverno"
    KUSTOMIZE = "kustomize"


class MappedRule(msgspec.Struct, frozen=True):
    """One rule that workloads can pull through.

    Attributes:
        source: what it maps: an upstream repository, or all below one where it ends in `/*`.
        target: where that is found, with the registry's host; ends in `/*` where the source does.
        except_for: sources below its own that it does not stand for.
    """

    rule: str
    source: str
    target: str
    except_for: tuple[str, ...] = ()


class MirrorReport(msgspec.Struct, frozen=True):
    """What workloads can pull through a registry, and what they can't, with the reasons.

    Attributes:
        mappings: the rules, the most specific first.
        left_out: the rules that workloads must not be sent through.
        upstreams: what a runtime can use that knows mirrors by host.
    """

    registry: str
    login_server: str
    mappings: tuple[MappedRule, ...]
    left_out: tuple[LeftOut, ...]
    upstreams: tuple[UpstreamMirrors, ...]


class MirrorReports:
    """Reads a registry and says what of it can be used without editing manifests."""

    def __init__(self, *, policy: Policy, survey: Survey, incidents: Incidents) -> None:
        self._policy = policy
        self._survey = survey
        self._incidents = incidents

    async def show(self, asked: Mapping[str, str]) -> MirrorReport | Document:
        """The mirrors of a registry as it is now, the app's own rules and other people's.

        Args:
            asked: `format`, a `MirrorFormat`; `registry`, its name or ARM id, where the policy has several; `upstream`,
                a host, for containerd's file of that one.

        Raises:
            BadQuestion: one of them is not what it should be.
            NotFound: the policy has no such registry, or the registry no rule for that upstream.
            TemporaryError, PermanentError: the registry can't be read.
        """
        form = word("format", asked.get("format"), MirrorFormat) or MirrorFormat.JSON
        registry = self._registry(asked.get("registry"))
        snapshot = await self._survey.read(registry.id)
        images = await self._known(registry) if form is MirrorFormat.KUSTOMIZE else []
        # A full registry's YAML takes half a second, in which the others of this process want to be served.
        return await asyncio.to_thread(_answer, form, registry, snapshot, images, asked.get("upstream"))

    def _registry(self, asked: str | None) -> RegistryPolicy:
        known = ", ".join(registry.name for registry in self._policy.registries)
        if asked is None:
            if len(self._policy.registries) == 1:
                return self._policy.registries[0]
            raise BadQuestion(f"registry: nothing found, one of these expected: {known}")
        found = self._policy.registry(asked)
        if found is None:
            hint = "Name one of them."
            raise NotFound(f"registry: the policy has no {asked[:100]!r}; it has {known}", hint=hint)
        return found

    async def _known(self, registry: RegistryPolicy) -> list[ImageReference]:
        """The images of the registry's incidents."""
        images: dict[ImageReference, None] = {}
        async for incident in self._incidents.newest(_MOST_INCIDENTS):
            if registry_key(incident.registry_id) == registry_key(registry.id):
                for text in incident.images:
                    try:
                        images[parse_reference(text)] = None
                    except InvalidReference:  # of another version's reading
                        continue
        return list(images)


def _answer(
    form: MirrorFormat,
    registry: RegistryPolicy,
    snapshot: RegistrySnapshot,
    images: Sequence[ImageReference],
    upstream: str | None,
) -> MirrorReport | Document:
    mirrors = Mirrors(snapshot)
    match form:
        case MirrorFormat.JSON:
            return _report(registry, mirrors)
        case MirrorFormat.CONTAINERD:
            return Document(_TOML, hosts_toml(mirrors, _upstream(upstream, mirrors)))
        case MirrorFormat.KYVERNO:
            return Document(_YAML, kyverno_policy(mirrors, registry.name))
        case MirrorFormat.KUSTOMIZE:
            return Document(_YAML, kustomize_component(mirrors, images))


def _report(registry: RegistryPolicy, mirrors: Mirrors) -> MirrorReport:
    return MirrorReport(
        registry=registry.name,
        login_server=mirrors.login_server,
        mappings=tuple(
            MappedRule(each.rule.name, each.rule.source, f"{mirrors.login_server}/{each.rule.target}", each.except_for)
            for each in mirrors.mirrored
        ),
        left_out=mirrors.left_out,
        upstreams=host_mirrors(mirrors),
    )


def _upstream(asked: str | None, mirrors: Mirrors) -> str | None:
    known = [each.host for each in host_mirrors(mirrors)]
    if asked is not None and asked not in known:
        hint = "Name one of them, or leave it out."
        raise NotFound(
            f"upstream: the registry serves none named {asked[:100]!r}; it has {', '.join(known)}", hint=hint
        )
    return asked
