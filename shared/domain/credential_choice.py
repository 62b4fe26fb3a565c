"""Which credential set a rule gets: one per upstream host, shared by all its rules, somebody else's when it works.

A set whose secrets the policy does not know is used when it works, and is never given access to anything.
"""

from collections.abc import Collection, Iterator

import msgspec

from shared.domain.cache_rules import CacheRule, resource_name
from shared.domain.plans import CreateCredentialSet, GrantVaultAccess
from shared.domain.policy import Policy
from shared.domain.policy_credentials import Credential
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.domain.upstreams import Authentication, upstream_for

_FAILED_STATES = frozenset({"failed", "canceled", "deleting"})


class Choice(msgspec.Struct, frozen=True):
    """What a rule for one host logs in with.

    Attributes:
        name: the credential set, None to pull without.
        create: how to make it, None when it exists.
        grant: what its identity lacks, None when nothing is known to be lacking.
        missing: why there is none though one is needed, a sentence with what to do; empty otherwise.
    """

    name: str | None = None
    create: CreateCredentialSet | None = None
    grant: GrantVaultAccess | None = None
    missing: str = ""


class CredentialChooser:
    """Chooses once per host."""

    def __init__(self, snapshot: RegistrySnapshot, policy: Policy) -> None:
        self._policy = policy
        self._sets = sorted(snapshot.credential_sets, key=lambda one: (one.healthy is not True, one.name))
        self._by_name = {one.name.lower(): one for one in snapshot.credential_sets}
        self._chosen: dict[str, Choice] = {}

    def choose(self, host: str) -> Choice:
        """The choice for an upstream that ACR supports; the same each time."""
        if host not in self._chosen:
            self._chosen[host] = self._choose(host)
        return self._chosen[host]

    def of_rule(self, rule: CacheRule) -> CredentialSet | None:
        """The credential set that a rule really has: one that is named and does not exist is none."""
        return self._by_name.get(rule.credential_set.lower()) if rule.credential_set else None

    def grant_for(self, credential_set: CredentialSet) -> GrantVaultAccess | None:
        """The access that an existing set lacks, None when it lacks none or its secrets are not the policy's."""
        credential = self._policy.credential_of(credential_set.login_server.lower())
        if credential is None or not credential.is_behind(credential_set) or not lacks_access(credential_set):
            return None
        return _grant(credential_set.name, credential, "its identity can't read the secrets")

    def _choose(self, host: str) -> Choice:
        authentication = _authentication(host)
        credential = self._policy.credential_of(host)
        if authentication is Authentication.REFUSED or (authentication is Authentication.OPTIONAL and not credential):
            return Choice()
        sets = [one for one in self._sets if one.login_server.lower() == host]
        ours = next((one for one in sets if credential and credential.is_behind(one)), None)
        working = next((one for one in sets if is_working(one)), None)
        if ours is not None and ours.provisioning_state.lower() not in _FAILED_STATES:
            return Choice(name=ours.name, grant=self.grant_for(ours))
        if working is not None:
            return Choice(name=working.name)
        if credential is None:
            return Choice(missing=_missing(host, sets))
        return _creation(host, credential, ours.name if ours else self._free_name(host, credential))

    def _free_name(self, host: str, credential: Credential) -> str:
        return next(name for name in _names(host, credential) if name.lower() not in self._by_name)


def is_working(credential_set: CredentialSet) -> bool:
    """Whether nothing says that a set does not work; what nobody checked counts as working."""
    return (
        credential_set.healthy is not False
        and credential_set.vault_access is not False
        and credential_set.provisioning_state.lower() not in _FAILED_STATES
    )


def lacks_access(credential_set: CredentialSet) -> bool:
    """Whether a set's identity can't read its secrets, or probably can't."""
    looked = credential_set.vault_access is not None
    return credential_set.vault_access is False or (not looked and credential_set.healthy is False)


def needs_credentials(host: str) -> bool:
    """Whether ACR refuses rules for a host without a credential set."""
    return _authentication(host) is Authentication.REQUIRED


def may_have_credentials(host: str) -> bool:
    """Whether a rule for a host can have a credential set."""
    return _authentication(host) not in {Authentication.REFUSED, None}


def _authentication(host: str) -> Authentication | None:
    upstream = upstream_for(host)
    return upstream.authentication if upstream else None


def _creation(host: str, credential: Credential, name: str) -> Choice:
    username, token = credential.secret_ids
    create = CreateCredentialSet(
        name=name,
        login_server=host,
        username_secret=username,
        token_secret=token,
        why=f"ACR logs in to {host} with a credential set, and none that works is there",
    )
    return Choice(name=name, create=create, grant=_grant(name, credential, "a new set's identity can read nothing yet"))


def _grant(name: str, credential: Credential, why: str) -> GrantVaultAccess:
    return GrantVaultAccess(
        credential_set=name, vault=credential.vault.rstrip("/"), secrets=credential.secrets, why=why
    )


def _names(host: str, credential: Credential) -> Iterator[str]:
    identity = "\n".join((host, *credential.secret_ids))
    attempt = 0
    while True:
        yield resource_name(host, identity, attempt=attempt)
        attempt += 1


def _missing(host: str, sets: Collection[CredentialSet]) -> str:
    broken = "".join(
        f" The registry's set {one.name} does not work ({one.health_message or one.health_code or 'unhealthy'})."
        for one in sets
    )
    return f"ACR caches {host} only with credentials. Name one in upstreams.{host}.credential.{broken}"
