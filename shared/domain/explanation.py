"""Explanation: a diagnosis in the words of the person who has to do something about it."""

import msgspec

from shared.domain.cache_rules import rule_name
from shared.domain.diagnosis import Cause, Diagnosis, diagnose
from shared.domain.handoff import by_hand
from shared.domain.images import DOCKER_HUB, ImageReference, is_acr, why_not_cacheable
from shared.domain.plans import CreateCacheRule
from shared.domain.upstreams import Authentication, upstream_for

REGISTRY = "<registry>"
CREDENTIAL_SET = "<credential-set>"
_HUB_TARGET = "docker-hub"


class Explanation(msgspec.Struct, frozen=True):
    """What a failure text means.

    Attributes:
        diagnosis: what the text says.
        summary: the cause in a sentence.
        whose: whose limit it is, in words; None where the cause is no limit or the text doesn't tell.
        does: what Cachewarden would do, in a sentence.
        by_hand: what to do without it, a step each.
        commands: lines for a shell that do it, with `<registry>` and `<credential-set>` to fill in.
        pull_from: the reference to use once the rule is there, with `<registry>` to fill in; None where no rule helps.
    """

    diagnosis: Diagnosis
    summary: str
    whose: str | None
    does: str
    by_hand: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    pull_from: str | None = None


def explain(text: str) -> Explanation:
    """What a failure text means and what to do about it."""
    diagnosis = diagnose(text)
    summary, does, steps = _words(diagnosis)
    image = diagnosis.image
    cures = diagnosis.cause is Cause.RATE_LIMITED and diagnosis.cache_rule is None
    rule = _rule(image) if cures and image is not None and why_not_cacheable(image) is None else None
    if image is None or rule is None:
        return Explanation(diagnosis, summary, _whose(diagnosis), does, steps)
    pull_from = f"{REGISTRY}.azurecr.io/{rule.target}{image.suffix}"
    return Explanation(
        diagnosis=diagnosis,
        summary=summary,
        whose=_whose(diagnosis),
        does=does,
        by_hand=(*steps, f"Change the workload's image to {pull_from}"),
        commands=by_hand(rule, REGISTRY),
        pull_from=pull_from,
    )


def _rule(image: ImageReference) -> CreateCacheRule:
    prefix = _HUB_TARGET if image.registry == DOCKER_HUB else image.registry
    target = f"{prefix}/{image.repository}"
    upstream = upstream_for(image.registry)
    needs_login = upstream is not None and upstream.authentication is Authentication.REQUIRED
    return CreateCacheRule(
        name=rule_name(image.source, target),
        source=image.source,
        target=target,
        credential_set=CREDENTIAL_SET if needs_login else None,
    )


_HUB_LIMITS = {
    "anonymous": "Docker Hub's, for pulls without login, counted by the address they come from",
    "account": "Docker Hub's, for the account that was logged in",
    "authenticated": "Docker Hub's, for pulls with login",
}


_OTHER_LIMITS = {
    Cause.ABUSE_LIMITED: "Docker Hub's, against too many requests from one address, on every plan",
    Cause.KUBELET_THROTTLED: "the kubelet's own (registryPullQPS)",
    Cause.AZURE_THROTTLED: "Azure Resource Manager's",
}


def _whose(diagnosis: Diagnosis) -> str | None:
    if diagnosis.cause is Cause.RATE_LIMITED and diagnosis.cache_rule is not None:
        return f"the upstream's, which ACR asked for cache rule {diagnosis.cache_rule}"
    if diagnosis.cause is Cause.RATE_LIMITED:
        return _HUB_LIMITS.get(diagnosis.limit or "", "Docker Hub's; the text does not say for which pulls")
    if diagnosis.cause is Cause.REGISTRY_THROTTLED:
        return f"{diagnosis.limit}'s own" if diagnosis.limit else None
    return _OTHER_LIMITS.get(diagnosis.cause)


def _words(diagnosis: Diagnosis) -> tuple[str, str, tuple[str, ...]]:
    if diagnosis.cause is Cause.RATE_LIMITED:
        return _limit_words(diagnosis)
    if diagnosis.cause is Cause.REGISTRY_THROTTLED:
        return _throttle_words(diagnosis)
    return _WORDS[diagnosis.cause]


def _limit_words(diagnosis: Diagnosis) -> tuple[str, str, tuple[str, ...]]:
    if diagnosis.cache_rule is not None:
        return (
            f"ACR asked the upstream for cache rule {diagnosis.cache_rule}, and the upstream's pull limit was reached.",
            "Creates nothing: the rule is there. Checks that it has a credential set and that the set is healthy.",
            (
                "Give the rule a credential set whose account may pull more, or renew the credentials behind it.",
                "See the set's health: az acr credential-set show, property authCredentials.credentialHealth.",
            ),
        )
    image = diagnosis.image
    summary = "Docker Hub refused the pull because its pull limit was reached."
    if image is None:
        return summary, "Looks for the image in the logs; the text names none.", ("Find out which image was pulled.",)
    reason = why_not_cacheable(image)
    if reason is not None:
        return (
            summary,
            f"Nothing: no cache rule can have this source. {reason}",
            ("Log in to Docker Hub for the pull.",),
        )
    return (
        summary,
        f"Lets ACR serve {image.source} from its cache, if the policy allows it, and tells you the new reference.",
        ("Create a cache rule with a credential set for Docker Hub",),
    )


def _throttle_words(diagnosis: Diagnosis) -> tuple[str, str, tuple[str, ...]]:
    host = diagnosis.limit
    if not diagnosis.rate_limited:
        return "A push was throttled, not a pull.", _LEFT_ALONE, ("Push again later, or less at once.",)
    if host is not None and (is_acr(host) or host == "azurecr.io"):
        return (
            "The Azure container registry itself throttled the pull.",
            f"{_LEFT_ALONE} A cache rule in the same registry makes it serve more, not less.",
            ("Spread the pulls, or raise the registry's tier (https://aka.ms/acr/skus).",),
        )
    return (
        f"{host or 'A registry'} throttled the pull with a limit of its own.",
        _LEFT_ALONE,
        ("Pull later or less often.", "If ACR can cache from that registry, a cache rule for it spares it most pulls."),
    )


_LEFT_ALONE = "Nothing: records why it was left alone."
_WORDS: dict[Cause, tuple[str, str, tuple[str, ...]]] = {
    Cause.ABUSE_LIMITED: (
        "Docker Hub refused the request as one of too many from this address.",
        "Waits and tells people: a cache rule does not help against this limit.",
        ("Find what sends thousands of requests a minute from this address; wait a few minutes.",),
    ),
    Cause.CREDENTIAL_REJECTED: (
        "The registry rejected the user name or token.",
        "Tests the credential itself and replaces it only if the test fails too.",
        ("Log in with the same user name and token; if that fails, make a new token and store it.",),
    ),
    Cause.DENIED: (
        "The registry denied access to the image.",
        _LEFT_ALONE,
        ("Check the image's name and that the identity that pulls may read it.",),
    ),
    Cause.NOT_FOUND: (
        "The registry has no such image, tag or platform.",
        _LEFT_ALONE,
        ("Check the name, the tag and the platform.",),
    ),
    Cause.UPSTREAM_UNAVAILABLE: (
        "The registry answered with an error of its own.",
        _LEFT_ALONE,
        ("Try again later; look at the registry's status page.",),
    ),
    Cause.NETWORK: (
        "The registry was not reached.",
        _LEFT_ALONE,
        ("Check DNS, routes, proxies and firewalls between the puller and the registry.",),
    ),
    Cause.TLS: (
        "The puller does not trust the registry's certificate, or they speak no TLS together.",
        _LEFT_ALONE,
        ("Check the certificate, and proxies that replace it.",),
    ),
    Cause.KUBELET_THROTTLED: (
        "The kubelet held the pull back by its own limit; no registry was asked.",
        _LEFT_ALONE,
        ("Raise the kubelet's registryPullQPS and registryBurst, or start fewer pods at once.",),
    ),
    Cause.AZURE_THROTTLED: (
        "Azure Resource Manager throttled a management call; no image was pulled.",
        _LEFT_ALONE,
        ("Call again after the time that the answer's Retry-After names.",),
    ),
    Cause.UNKNOWN: (
        "The text does not say why the pull failed.",
        "Looks for more in the logs.",
        ("Look at the events before this one; the cause stands in the first of them.",),
    ),
}
