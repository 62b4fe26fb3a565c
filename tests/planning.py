"""What tests of plans share: short builders, strategies, and a registry that refuses what ACR refuses."""

from collections.abc import Iterable

import msgspec
from hypothesis import strategies as st

from shared.domain.cache_rules import MOST_RULES, CacheRule, is_rule_name, overlaps, rule_problem
from shared.domain.images import InvalidReference, parse_reference
from shared.domain.planner import plan
from shared.domain.plans import (
    Action,
    AttachCredentialSet,
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
    Outcome,
    Plan,
    PlannedImage,
)
from shared.domain.policy import Granularity, Limits, Policy, RegistryPolicy, UpstreamPolicy
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.domain.upstreams import Authentication, upstream_for

REGISTRY = RegistryPolicy(
    id="/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso"
)
HUB = Credential(
    provider=Provider.PERSONAL,
    vault="https://contoso-kv.vault.azure.net",
    username_secret="dockerhub-username",
    token_secret="dockerhub-token",
    owner_secret="dockerhub-owner",
)
OURS = CredentialSet("our-set", "docker.io", *HUB.secret_ids, principal_id="p", healthy=True, vault_access=True)
FOREIGN = CredentialSet(
    "their-set", "docker.io", "https://other.vault.azure.net/secrets/u", "https://other.vault.azure.net/secrets/t"
)


def policy(  # noqa: PLR0913 - the parts of a policy that tests vary, each by name
    *,
    granularity: Granularity = Granularity.REPOSITORY,
    allow: Iterable[str] = ("**",),
    deny: Iterable[str] = (),
    credential: str | None = "hub",
    limit: int = MOST_RULES,
    widen: bool = False,
    more: dict[str, UpstreamPolicy] | None = None,
) -> Policy:
    """A policy for Docker Hub below `docker-hub`, and more upstreams when they are given."""
    hub = UpstreamPolicy(
        target="docker-hub", granularity=granularity, allow=tuple(allow), deny=tuple(deny), credential=credential
    )
    return Policy(
        version=1,
        registries=(REGISTRY,),
        upstreams={"docker.io": hub, **(more or {})},
        credentials={"hub": HUB},
        limits=Limits(rules_per_registry=limit, widen_when_full=widen),
    )


def snapshot(
    *rules: CacheRule, sets: Iterable[CredentialSet] = (OURS,), repositories: Iterable[str] = ()
) -> RegistrySnapshot:
    """A reading of the registry contoso."""
    return RegistrySnapshot(
        id=REGISTRY.id,
        login_server="contoso.azurecr.io",
        rules=rules,
        credential_sets=tuple(sets),
        repositories=frozenset(repositories),
    )


def image(text: str, *, cause: str | None = None, cache_rule: str | None = None) -> PlannedImage:
    """An image as the command line or an incident gives it."""
    try:
        reference = parse_reference(text)
    except InvalidReference:
        reference = None
    return PlannedImage(text=text, reference=reference, cause=cause, cache_rule=cache_rule)


def plan_for(held: RegistrySnapshot, *texts: str, under: Policy | None = None) -> Plan:
    """The plan for bare references."""
    return plan(held, [image(text) for text in texts], under or policy(), registry=REGISTRY)


def outcome_for(held: RegistrySnapshot, text: str, *, under: Policy | None = None) -> Outcome:
    """The one outcome for a bare reference."""
    (outcome,) = plan_for(held, text, under=under).outcomes
    return outcome


class Refused(Exception):
    """ACR would refuse the action."""


def apply_plan(held: RegistrySnapshot, actions: Iterable[Action]) -> RegistrySnapshot:
    """The registry after the actions ran in their order; raises `Refused` for what ACR would refuse."""
    for action in actions:
        held = _apply(held, action)
    return held


def _apply(held: RegistrySnapshot, action: Action) -> RegistrySnapshot:
    match action:
        case CreateCredentialSet():
            made = CredentialSet(
                action.name, action.login_server, action.username_secret, action.token_secret, principal_id="p"
            )
            _refuse_unless(is_rule_name(made.name), f"the name {made.name}")
            others = _others(held.credential_sets, made.name, repairs=lambda old: old.provisioning_state == "Failed")
            return msgspec.structs.replace(held, credential_sets=(*others, made))
        case GrantVaultAccess():
            _refuse_unless(any(one.name == action.credential_set for one in held.credential_sets), "no such set")
            sets = (
                msgspec.structs.replace(one, vault_access=True, healthy=True)
                if one.name == action.credential_set
                else one
                for one in held.credential_sets
            )
            return msgspec.structs.replace(held, credential_sets=tuple(sets))
        case CreateCacheRule():
            rule = CacheRule(action.name, action.source, action.target, action.credential_set)
            return msgspec.structs.replace(held, rules=(*_rules_beside(held, rule), rule))
        case AttachCredentialSet():
            _refuse_unless(any(one.name == action.credential_set for one in held.credential_sets), "no such set")
            _refuse_unless(any(rule.name == action.rule for rule in held.rules), "no such rule")
            rules = (
                msgspec.structs.replace(rule, credential_set=action.credential_set)
                if rule.name == action.rule
                else rule
                for rule in held.rules
            )
            return msgspec.structs.replace(held, rules=tuple(rules))


def _rules_beside(held: RegistrySnapshot, rule: CacheRule) -> tuple[CacheRule, ...]:
    """The rules that stand beside a new one; raises `Refused` when it can't be made."""
    _refuse_unless(rule_problem(rule) is None, str(rule_problem(rule)))
    upstream = upstream_for(rule.host)
    _refuse_unless(upstream is not None, "UpstreamNotSupported")
    has_set = any(one.name == rule.credential_set for one in held.credential_sets)
    _refuse_unless(rule.credential_set is None or has_set, "no such credential set")
    if upstream is not None and upstream.authentication is Authentication.REQUIRED:
        _refuse_unless(has_set, "EnforceDockerAuthentication")
    below = rule.target[:-1] if rule.is_wildcard else None
    taken = [name for name in held.repositories if (name.startswith(below) if below else name == rule.target)]
    _refuse_unless(not taken, f"TargetRepositoryAlreadyPresentInRegistry {taken}")
    others = _others(held.rules, rule.name, repairs=lambda old: (old.source, old.target) == (rule.source, rule.target))
    _refuse_unless(not any(overlaps(rule, other) for other in others), f"{rule} overlaps")
    _refuse_unless(len(others) < MOST_RULES, "too many rules")
    return others


def _others[T: (CacheRule, CredentialSet)](there: tuple[T, ...], name: str, *, repairs: object) -> tuple[T, ...]:
    """All but the one of the same name; a PUT over somebody else's would overwrite it silently, and so is refused."""
    for one in there:
        if one.name.lower() == name.lower():
            _refuse_unless(callable(repairs) and bool(repairs(one)), f"{name} is there already")
    return tuple(one for one in there if one.name.lower() != name.lower())


def _refuse_unless(holds: bool, why: str) -> None:
    if not holds:
        raise Refused(why)


HOSTS = ("docker.io", "ghcr.io", "mcr.microsoft.com", "quay.io", "docker.elastic.co")
SEGMENTS = ("a", "b", "library", "library2", "docker-hub", "nightly")

paths = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3).map("/".join)
prefixes = st.lists(st.sampled_from(SEGMENTS), min_size=0, max_size=2).map(
    lambda parts: "".join(f"{p}/" for p in parts)
)
sources = st.builds(lambda host, path: f"{host}/{path}", st.sampled_from(HOSTS), paths)
states = st.sampled_from(("Succeeded", "Succeeded", "Succeeded", "Creating", "Updating", "Failed", "Deleting"))


@st.composite
def cache_rules(draw: st.DrawFn) -> CacheRule:
    """A rule that is well formed, static or wildcard."""
    host, wildcard = draw(st.sampled_from(HOSTS)), draw(st.booleans())
    source, target = (draw(prefixes), draw(prefixes)) if wildcard else (draw(paths), draw(paths))
    star = "*" if wildcard else ""
    name = f"rule-{draw(st.integers(0, 99)):02}"
    return CacheRule(
        name,
        f"{host}/{source}{star}",
        f"{target}{star}",
        draw(st.sampled_from((None, "our-set", "their-set", "gone-set"))),
        draw(states),
    )


def admitted(rules: Iterable[CacheRule]) -> tuple[CacheRule, ...]:
    """Those of the rules that ACR would have let in, one after the other."""
    kept: list[CacheRule] = []
    for rule in rules:
        if not any(overlaps(rule, other) or rule.name == other.name for other in kept):
            kept.append(rule)
    return tuple(kept)


rule_sets = st.lists(cache_rules(), max_size=8).map(admitted)
