"""What a policy's parts must be to each other: names that exist, targets that don't nest, credentials that fit.

`errors_in` also runs on a policy that was read with neutral values where the file is wrong, so that one run tells
everything; each check therefore leaves empty values alone, and names are looked up in the file's lines rather than in
what could be read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from shared.domain.images import DOCKER_HUB, DOCKER_HUB_ALIASES
from shared.domain.notice_kinds import NoticeKind
from shared.domain.policy import Granularity, Policy
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.policy_notifications import EventGridChannel, Route
from shared.domain.policy_patterns import pattern_errors, pattern_warnings
from shared.domain.problems import Problem, did_you_mean, join
from shared.domain.upstreams import Authentication, upstream_for, why_not_supported

_DOCKER_ACCOUNT_HOSTS = frozenset({DOCKER_HUB, "dhi.io"})

type Lines = Mapping[str, int]


def errors_in(policy: Policy, lines: Lines) -> Iterator[Problem]:
    """What makes a policy unusable."""
    yield from _registry_errors(policy, lines)
    yield from _upstream_errors(policy, lines)
    yield from _target_errors(policy, lines)
    for name, credential in policy.credentials.items():
        yield from _credential_errors(join("credentials", name), credential, lines)
    yield from _shared_secret_errors(policy, lines)
    yield from _notification_errors(policy, lines)


def warnings_in(policy: Policy, lines: Lines) -> Iterator[Problem]:
    """What a policy without errors probably does not mean."""
    yield from _upstream_warnings(policy, lines)
    yield from _credential_warnings(policy, lines)
    used = {name for route in policy.notifications.routes for name in route.channels}
    for name in policy.notifications.channels:
        if name not in used:
            yield _problem(
                lines, f"notifications.channels.{name}", "a channel without a route", "a route that names it"
            )
    for (i, one), (k, other) in combinations(enumerate(policy.registries), 2):
        if shared := _served_by_both(one.serves, other.serves):
            found = f"{shared}, which registries[{i}] serves too"
            yield _problem(lines, f"registries[{k}].serves", found, "one registry, unless both should get the rules")


def _served_by_both(one: Sequence[str], other: Sequence[str]) -> str:
    """A resource that two registries serve, or how many of them; empty where they share none."""
    if not one or not other:
        return next(iter((*one, *other)), "everything")
    mine, theirs = ([f"{prefix.rstrip('/')}/".lower() for prefix in prefixes] for prefixes in (one, other))
    pairs = ((max(m, t, key=len), min(m, t, key=len)) for m in mine for t in theirs)
    return min((inner[:-1] for inner, outer in pairs if inner.startswith(outer)), default="")


def _problem(lines: Lines, path: str, found: str, expected: str) -> Problem:
    """A problem at the line of its path, or of the nearest part of the path that stands in the file."""
    near = path
    while near and near not in lines:
        near = near.rpartition("[")[0] if near.endswith("]") else near.rpartition(".")[0]
    return Problem(lines.get(near, 0), path, found, expected)


def _registry_errors(policy: Policy, lines: Lines) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, registry in enumerate(policy.registries):
        key = registry.id.lower().rstrip("/")
        if key and key in first:
            yield _problem(lines, f"registries[{index}].id", f"the id of registries[{first[key]}] again", "each once")
        first.setdefault(key, index)


def _upstream_errors(policy: Policy, lines: Lines) -> Iterator[Problem]:
    for host, upstream in policy.upstreams.items():
        path = join("upstreams", host)
        if host in DOCKER_HUB_ALIASES and host != DOCKER_HUB:
            yield _problem(lines, path, repr(host), "docker.io, the name that every alias of Docker Hub is read as")
            continue
        for kind, patterns in (("allow", upstream.allow), ("deny", upstream.deny)):
            for index, pattern in enumerate(patterns):
                expected = pattern_errors(host, pattern) if pattern else None
                if expected:
                    yield _problem(lines, f"{path}.{kind}[{index}]", repr(pattern), expected)
        if upstream.credential is None:
            continue
        at = f"{path}.credential"
        if join("credentials", upstream.credential) not in lines:
            hint = did_you_mean(upstream.credential, policy.credentials)
            yield _problem(lines, at, repr(upstream.credential), f"a name under credentials{hint}")
            continue
        credential = policy.credentials.get(upstream.credential)
        if credential and credential.provider is not Provider.ASSISTED and host not in _DOCKER_ACCOUNT_HOSTS:
            yield _problem(
                lines, at, f"a Docker Hub account for {host}", "a credential with provider: assisted, or none"
            )


def _target_errors(policy: Policy, lines: Lines) -> Iterator[Problem]:
    """Equal or nested targets would put two upstreams' images under one name, and ACR refuses such wildcards."""
    for (one, mine), (other, theirs) in combinations(policy.upstreams.items(), 2):
        if _nested(mine.target, theirs.target):
            found = f"{theirs.target!r}, which overlaps {mine.target!r} of {one}"
            yield _problem(lines, f"upstreams.{other}.target", found, "a prefix of its own")


def _nested(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _credential_errors(path: str, credential: Credential, lines: Lines) -> Iterator[Problem]:
    if credential.username_secret and credential.username_secret.lower() == credential.token_secret.lower():
        yield _problem(lines, f"{path}.token_secret", "the secret of the user name", "a secret of its own")
    if credential.owner_secret and credential.owner_secret.lower() == credential.token_secret.lower():
        expected = "a secret of its own: a rotation would overwrite the password that mints tokens"
        yield _problem(lines, f"{path}.owner_secret", "the secret of the token", expected)
    if credential.grace >= credential.rotate_every:
        yield _problem(lines, f"{path}.grace", "no less than rotate_every", "a shorter time than rotate_every")


def _shared_secret_errors(policy: Policy, lines: Lines) -> Iterator[Problem]:
    """Two credentials that write one secret would overwrite each other's tokens."""
    for (one, mine), (other, theirs) in combinations(policy.credentials.items(), 2):
        if mine.token_secret and mine.secret_ids[1].lower() == theirs.secret_ids[1].lower():
            found = f"the token secret of credentials.{one} again"
            yield _problem(lines, f"credentials.{other}.token_secret", found, "a secret of its own, or one credential")


def _notification_errors(policy: Policy, lines: Lines) -> Iterator[Problem]:
    channels = policy.notifications.channels
    for index, route in enumerate(policy.notifications.routes):
        for place, name in enumerate(route.channels):
            if name and f"notifications.channels.{name}" not in lines:
                expected = f"a name under notifications.channels{did_you_mean(name, channels)}"
                yield _problem(lines, f"notifications.routes[{index}].channels[{place}]", repr(name), expected)
        yield from _route_errors(f"notifications.routes[{index}]", route, policy, lines)
    for name, channel in channels.items():
        if not isinstance(channel, EventGridChannel) and policy.vault_of(channel) is None:
            expected = "the address of the vault that holds the secret, since the credentials name not exactly one"
            yield _problem(lines, f"notifications.channels.{name}.vault", "nothing", expected)


def _route_errors(path: str, route: Route, policy: Policy, lines: Lines) -> Iterator[Problem]:
    """A filter for what the policy does not have would let nothing through, and nobody would be told."""
    for place, registry_id in enumerate(route.registries):
        if registry_id and policy.registry(registry_id) is None:
            yield _problem(lines, f"{path}.registries[{place}]", repr(registry_id), "the id of one of `registries`")
    for place, host in enumerate(route.upstreams):
        if host and join("upstreams", host) not in lines:
            expected = f"a name under upstreams{did_you_mean(host, policy.upstreams)}"
            yield _problem(lines, f"{path}.upstreams[{place}]", repr(host), expected)
    if route.when_unanswered is not None and set(route.notices) - {NoticeKind.INCIDENT_AWAITING_APPROVAL}:
        expected = "nothing, or incident.awaiting_approval: only that is a question that can stay unanswered"
        yield _problem(lines, f"{path}.notices", "other notices beside when_unanswered", expected)


def _upstream_warnings(policy: Policy, lines: Lines) -> Iterator[Problem]:
    for host, upstream in policy.upstreams.items():
        path = join("upstreams", host)
        yield from _authentication_warnings(path, host, upstream.credential, lines)
        if not upstream.allow:
            yield _problem(lines, f"{path}.allow", "nothing", "patterns; without them no rule is ever made")
        for index, pattern in enumerate(upstream.allow):
            if expected := pattern_warnings(host, pattern, upstream.deny):
                yield _problem(lines, f"{path}.allow[{index}]", repr(pattern), expected)
        wide = upstream.granularity is not Granularity.REPOSITORY
        if wide and (upstream.deny or (upstream.granularity is Granularity.REGISTRY and "**" not in upstream.allow)):
            expected = (
                "to be meant: its rules also serve what allow leaves out and deny names, to whoever asks the registry"
            )
            yield _problem(lines, f"{path}.granularity", upstream.granularity.value, expected)


def _authentication_warnings(path: str, host: str, credential: str | None, lines: Lines) -> Iterator[Problem]:
    known = upstream_for(host)
    if known is None:
        yield _problem(lines, path, repr(host), f"an upstream that ACR can cache. {why_not_supported(host)}")
    elif known.authentication is Authentication.REQUIRED and credential is None:
        expected = "a credential: ACR refuses rules without one, unless the registry has a credential set for this host"
        yield _problem(lines, f"{path}.credential", "nothing", expected)
    elif known.authentication is Authentication.REFUSED and credential is not None:
        expected = "none: ACR pulls from this upstream without credentials, so this one is never used"
        yield _problem(lines, f"{path}.credential", repr(credential), expected)


def _credential_warnings(policy: Policy, lines: Lines) -> Iterator[Problem]:
    used = _used_credentials(policy)
    for name, credential in policy.credentials.items():
        path = join("credentials", name)
        if name not in used:
            yield _problem(lines, path, "a credential that no upstream uses", "an upstream that names it")
        if credential.provider is Provider.ASSISTED:
            if credential.owner_secret:
                yield _problem(lines, f"{path}.owner_secret", "an owner's password", "none: a person mints the tokens")
        elif credential.owner_secret is None:
            expected = "the secret with the password that may mint tokens; without it a person has to mint them"
            yield _problem(lines, f"{path}.owner_secret", "nothing", expected)
        if credential.provider is Provider.ORGANIZATION and not credential.owner_username_secret:
            expected = "the secret with the owner's login name; without it no organization token can be minted"
            yield _problem(lines, f"{path}.owner_username_secret", "nothing", expected)
        if credential.plan and credential.provider is not Provider.ORGANIZATION:
            expected = "none: only an organization's plan bounds the number of its tokens"
            yield _problem(lines, f"{path}.plan", repr(str(credential.plan)), expected)


def _used_credentials(policy: Policy) -> Iterable[str]:
    return {upstream.credential for upstream in policy.upstreams.values() if upstream.credential}
