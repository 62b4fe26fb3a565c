"""The decision: registries with whom they serve, upstreams, credentials, and what is left to a person."""

import re
from collections import Counter
from typing import Final

from shared.domain.counting import counted
from shared.domain.images import is_acr
from shared.domain.proposal.credentials import Credentials
from shared.domain.proposal.found import Found, FoundRegistry
from shared.domain.proposal.model import Proposal, ProposedRegistry, Remarked
from shared.domain.proposal.upstreams import propose_upstreams
from shared.domain.upstreams import upstream_for

_RESOURCE: Final = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourcegroups/[\w.()-]{1,90}/providers/[\w.]{1,100}(?:/[\w.()-]{1,260}){2,6}",
    re.IGNORECASE | re.ASCII,
)
_MOST_HOSTS: Final = 20


def propose(found: Found) -> Proposal:
    """A policy from what was found."""
    credentials = Credentials(found.registries)
    upstreams = propose_upstreams(found, credentials)
    used = credentials.used(one.credential.value for one in upstreams if one.credential is not None)
    return Proposal(
        registries=tuple(_registry(one, found) for one in found.registries),
        upstreams=upstreams,
        credentials=used,
        workspaces=tuple(dict.fromkeys(workspace.lower() for workspace in found.workspaces)),
        remarks=(*found.notes, *credentials.remarks, *_not_cacheable(found)),
    )


def _registry(registry: FoundRegistry, found: Found) -> ProposedRegistry:
    """One registry serves whoever was seen; of several each serves only whose identity may pull from it."""
    serves = {one.lower(): Remarked(one, "its identity may pull from here") for one in registry.attached}
    if len(found.registries) == 1:
        seen = Counter(one.resource_id for one in found.images if one.resource_id)
        for resource, times in sorted(seen.items()):
            serves.setdefault(resource.lower(), Remarked(resource, f"{counted(times, 'image')} seen here"))
    snapshot = registry.snapshot
    return ProposedRegistry(
        snapshot.id,
        f"{counted(len(snapshot.rules), 'cache rule')}, {counted(len(snapshot.credential_sets), 'credential set')}",
        tuple(one for one in serves.values() if _RESOURCE.fullmatch(one.value) is not None),
    )


def _not_cacheable(found: Found) -> list[str]:
    """The hosts of images that ACR can't cache, those seen most first."""
    hosts = Counter(one.image.registry for one in found.images if upstream_for(one.image.registry) is None)
    for host in list(hosts):
        if is_acr(host) or any(host == one.snapshot.login_server.lower() for one in found.registries):
            del hosts[host]  # a registry of ACR itself is nothing that has to be cached
    return [
        f"{host}: {counted(times, 'image')} from there, and ACR can't cache it"
        for host, times in hosts.most_common(_MOST_HOSTS)
    ]
