"""Cache rules: what ACR accepts, and in which order it looks.

The traps they reproduce: a rule over an existing repository is refused, also over one that an older rule left behind;
a PUT over an existing name silently changes its credential set; source and target never change.
"""

import re
from datetime import timedelta
from typing import Final

from msgspec import UNSET

from sandbox.arm.bodies import RuleBody, RuleProperties
from sandbox.arm.operations import Failure, Operation, Operations, ProvisioningState
from sandbox.arm.ports import RepositoryIndex
from sandbox.arm.refusals import InvalidRequestContent
from sandbox.arm.registries import CacheRule, Registry
from sandbox.arm.registry_refusals import (
    CredentialSetInvalid,
    CredentialsNotSupported,
    CredentialsRequired,
    EnforceDockerAuthentication,
    LoginServerMismatch,
    ManagedIdentityNotRegistered,
    NameInvalid,
    OperationInProgress,
    RepositoryNameInvalid,
    RuleImmutable,
    RuleOverlaps,
    RuleQuotaReached,
    TargetPrefixMatchesRepositories,
    TargetRepositoryAlreadyPresent,
    UpstreamNotSupported,
    WildcardInvalid,
)
from sandbox.arm.settings import ArmSettings
from sandbox.arm.targets import Path, has_stray_wildcard, parse_source, parse_target
from sandbox.arm.upstreams import DOCKER_HUB, SUPPORTED, Authentication, authentication
from sandbox.frame.service import Clock, Refusal

MOST_RULES: Final = 1000
"""How many rules a registry may have (documented)."""

NAME: Final = re.compile(r"[a-zA-Z0-9-]{5,50}")
"""What rules and credential sets may be called (documented in the API's specification)."""


class CacheRules:
    """Writes to the cache rules of registries; `index` tells which repositories the data plane holds."""

    def __init__(self, settings: ArmSettings, *, operations: Operations, index: RepositoryIndex, clock: Clock) -> None:
        self.index = index
        self._settings = settings
        self._operations = operations
        self._clock = clock

    def put(self, registry: Registry, name: str, body: RuleBody) -> tuple[CacheRule, Operation | None]:
        """Create a rule, or overwrite the credential set of the rule that has the name (then without an operation).

        Raises:
            Refusal: in ACR's words, by the first rule that the request breaks.
        """
        if not NAME.fullmatch(name):
            raise NameInvalid(name=name)
        existing = registry.rules.get(name.lower())
        if existing is not None:
            self._claim(existing)
        wanted = self._wanted(registry, name, body)
        if existing is not None:
            if (existing.source, existing.target) != (wanted.source, wanted.target):
                raise RuleImmutable(name=existing.name)
            if existing.state is ProvisioningState.SUCCEEDED:
                existing.credential_set = wanted.credential_set
                return existing, None
        failure = self._check_place(registry, wanted)
        registry.rules[name.lower()] = wanted
        return wanted, self._operations.start(
            wanted.id, wanted.state, lambda failed: self._created(wanted, failed), failure=failure
        )

    def patch(self, registry: Registry, rule: CacheRule, body: RuleBody) -> Operation:
        """Give the rule another credential set, or none with an explicit null; an absent property changes nothing."""
        properties = body.properties
        if properties.source_repository is not UNSET or properties.target_repository is not UNSET:
            raise RuleImmutable(name=rule.name)
        self._claim(rule)
        wanted = rule.credential_set
        if properties.credential_set_resource_id is not UNSET:
            wanted = properties.credential_set_resource_id or None
            _check_credentials(registry, rule.source.partition("/")[0], wanted)
        before, rule.state = rule.state, ProvisioningState.UPDATING

        def finish(failed: Failure | None) -> None:
            rule.state = before
            if failed is None:
                rule.credential_set = wanted

        return self._operations.start(rule.id, rule.state, finish)

    def delete(self, registry: Registry, rule: CacheRule) -> Operation:
        """Delete the rule; what it has cached stays in the registry."""
        self._claim(rule)
        before, rule.state = rule.state, ProvisioningState.DELETING

        def finish(failed: Failure | None) -> None:
            if failed is None:
                del registry.rules[rule.name.lower()]
            else:
                rule.state = before

        return self._operations.start(rule.id, rule.state, finish)

    def honoured(self, registry: Registry) -> list[CacheRule]:
        """The rules that the data plane serves by now."""
        self._operations.settle()
        now = self._clock()
        return [rule for rule in registry.rules.values() if rule.honoured_from and rule.honoured_from <= now]

    def _claim(self, rule: CacheRule) -> None:
        if self._operations.running(rule.id) is not None:
            raise OperationInProgress(name=rule.name)

    def _wanted(self, registry: Registry, name: str, body: RuleBody) -> CacheRule:
        if body.identity is not None:
            raise ManagedIdentityNotRegistered
        source, target, path = _paths(body.properties)
        credential_set = body.properties.credential_set_resource_id or None
        _check_credentials(registry, source.partition("/")[0], credential_set)
        return CacheRule(
            id=f"{registry.id}/cacheRules/{name}",
            name=name,
            source=source,
            target=target,
            path=path,
            credential_set=credential_set,
            created_on=self._clock(),
            state=ProvisioningState.CREATING,
        )

    def _check_place(self, registry: Registry, wanted: CacheRule) -> Failure | None:
        try:
            others = [rule for key, rule in registry.rules.items() if key != wanted.name.lower()]
            for rule in others:
                if rule.path.overlaps(wanted.path):
                    raise RuleOverlaps(other=rule.name, taken=rule.target, target=wanted.target)
            if any(wanted.path.matches(repository) for repository in self.index.repositories(registry.name)):
                present = TargetPrefixMatchesRepositories if wanted.path.wildcard else TargetRepositoryAlreadyPresent
                raise present(target=wanted.target)
            if len(others) >= MOST_RULES:
                raise RuleQuotaReached(limit=MOST_RULES)
        except Refusal as refusal:
            if refusal.code not in self._settings.asynchronous:
                raise
            return Failure(refusal.code, refusal.message)
        return None

    def _created(self, rule: CacheRule, failed: Failure | None) -> None:
        if failed is None:
            rule.state = ProvisioningState.SUCCEEDED
            rule.honoured_from = self._clock() + timedelta(seconds=self._settings.rule_delay_s)
        else:
            rule.state = ProvisioningState.FAILED


def _paths(properties: RuleProperties) -> tuple[str, str, Path]:
    source, target = properties.source_repository, properties.target_repository
    if not source or not target:
        raise InvalidRequestContent(reason="properties.sourceRepository and properties.targetRepository are required")
    if has_stray_wildcard(source) or has_stray_wildcard(target):
        raise WildcardInvalid(source=source, target=target)
    parsed_source, parsed_target = parse_source(source), parse_target(target)
    if parsed_source is None:
        raise RepositoryNameInvalid(path=source)
    if parsed_target is None:
        raise RepositoryNameInvalid(path=target)
    if parsed_source[1].wildcard != parsed_target.wildcard:
        raise WildcardInvalid(source=source, target=target)
    return source, target, parsed_target


def _check_credentials(registry: Registry, host: str, credential_set: str | None) -> None:
    kind = authentication(host)
    if kind is None:
        raise UpstreamNotSupported(host=host, supported=SUPPORTED)
    if credential_set is None:
        if host == DOCKER_HUB:
            raise EnforceDockerAuthentication
        if kind in {Authentication.REQUIRED, Authentication.IDENTITY}:
            raise CredentialsRequired(host=host)
        return
    if kind in {Authentication.REFUSED, Authentication.IDENTITY}:
        raise CredentialsNotSupported(host=host)
    found = next((one for one in registry.credential_sets.values() if one.id.lower() == credential_set.lower()), None)
    if found is None or found.state in {ProvisioningState.FAILED, ProvisioningState.DELETING}:
        raise CredentialSetInvalid(id=credential_set)
    if found.login_server != host:
        raise LoginServerMismatch(name=found.name, login_server=found.login_server, host=host)
