"""The credentials of a proposal: one for each pair of secrets that credential sets read."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from shared.domain.images import canonical_host
from shared.domain.proposal.found import FoundRegistry
from shared.domain.proposal.model import ProposedCredential, Remarked
from shared.domain.registries import CredentialSet
from shared.domain.upstreams import Authentication, upstream_for

_SECRET_ID: Final = re.compile(
    r"(https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?)/secrets/([A-Za-z0-9-]{1,127})(?:/[0-9a-zA-Z]*)?", re.ASCII
)
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9-]+")


class Credentials:
    """What credential sets of all registries read, each pair of secrets once."""

    def __init__(self, registries: Iterable[FoundRegistry]) -> None:
        self.proposed: list[ProposedCredential] = []
        self.remarks: list[str] = []
        self._by_token: dict[str, str] = {}
        self._by_host: dict[str, str] = {}
        for registry in registries:
            for found in _most_used_first(registry):
                self._take(found)

    def of(self, host: str) -> Remarked | None:
        """The credential for an upstream, None where there is none or ACR admits none."""
        upstream = upstream_for(host)
        name = self._by_host.get(host)
        if name is None or upstream is None or upstream.authentication is Authentication.REFUSED:
            return None
        return Remarked(name)

    def used(self, names: Iterable[str]) -> tuple[ProposedCredential, ...]:
        """The credentials that upstreams name, in the order in which they were found."""
        wanted = set(names)
        return tuple(one for one in self.proposed if one.name in wanted)

    def _take(self, found: CredentialSet) -> None:
        host = canonical_host(found.login_server)
        user, token = _SECRET_ID.fullmatch(found.username_secret), _SECRET_ID.fullmatch(found.token_secret)
        if user is None or token is None or user[1].lower() != token[1].lower() or user[2].lower() == token[2].lower():
            self.remarks.append(
                f"credential set {found.name} for {host}: its two secrets are not two secrets of one vault; left out"
            )
            return
        key = f"{token[1]}/{token[2]}".lower()
        if key not in self._by_token:
            name = self._free_name(found.name)
            remark = f"credential set {found.name}, which logs in to {host}"
            self._by_token[key] = name
            self.proposed.append(ProposedCredential(name, remark, token[1], user[2], token[2]))
        self._by_host.setdefault(host, self._by_token[key])

    def _free_name(self, wanted: str) -> str:
        base = _NOT_IN_NAMES.sub("-", wanted.lower()).strip("-")[:40] or "credential"
        names = {one.name for one in self.proposed}
        return next(name for name in _numbered(base) if name not in names)


def _most_used_first(registry: FoundRegistry) -> Sequence[CredentialSet]:
    """Of several sets for one host the one that most rules use decides."""
    rules = registry.snapshot.rules
    uses = {
        one.name: sum((rule.credential_set or "").lower() == one.name.lower() for rule in rules)
        for one in registry.snapshot.credential_sets
    }
    return sorted(registry.snapshot.credential_sets, key=lambda one: (-uses[one.name], one.name))


def _numbered(base: str) -> Iterator[str]:
    yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1
