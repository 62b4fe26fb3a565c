"""What a plan's decisions say to people: why something was left alone, and whose limit was hit."""

from shared.domain.cache_rules import CacheRule
from shared.domain.diagnosis import Cause
from shared.domain.registries import CredentialSet

_LEFT_ALONE = {
    Cause.ABUSE_LIMITED: (
        "This is Docker Hub's abuse limit, which holds for every plan and address: a cache rule does not lift it. "
        "Pull less often for a while."
    ),
    Cause.CREDENTIAL_REJECTED: "The upstream refused the credentials; no rule helps. Test them before replacing them.",
    Cause.DENIED: "The upstream denies access to the image; no cache rule helps. Check its name and who may read it.",
    Cause.NOT_FOUND: "The upstream has no such image; no cache rule helps. Check its name and tag.",
    Cause.UPSTREAM_UNAVAILABLE: "The upstream is in trouble; no limit was hit.",
    Cause.NETWORK: "The upstream was not reached; no limit was hit. Check DNS, routes and firewalls.",
    Cause.TLS: "The TLS connection failed; no limit was hit. Check proxies and certificates.",
    Cause.KUBELET_THROTTLED: "The kubelet's own pull limit (registryPullQPS) held the pull back, not the upstream.",
    Cause.AZURE_THROTTLED: "Azure Resource Manager was too busy; no registry's limit was hit.",
    Cause.REGISTRY_THROTTLED: (
        "This is another registry's own limit, not Docker Hub's pull limit. If ACR can cache from it, plan for the "
        "bare reference: a rule spares it most pulls."
    ),
}


def left_alone(cause: str) -> str:
    """Why a failure of a cause leads to no plan."""
    known = Cause(cause) if cause in set(Cause) else Cause.UNKNOWN
    return _LEFT_ALONE.get(known, "Nothing shows that a limit was hit.")


def already_served(rule: CacheRule, *, through: bool, account: str | None = None) -> str:
    """What an image that a rule serves still needs; `account` is the rule's credential set."""
    if not through:
        return f"The rule {rule.name} serves it already; change the reference to the one to pull from."
    if account is None:
        return (
            f"The rule {rule.name} serves it without credentials; the limit is that of {rule.host} for ACR's addresses."
        )
    return (
        f"The rule {rule.name} serves it with the credential set {account}; the limit is that of its account at "
        f"{rule.host}. A plan with more pulls lifts it; more accounts must not."
    )


def unhealthy(rule: CacheRule, credential_set: CredentialSet) -> str:
    """What ACR says of a credential set that does not work, though its secrets can be read."""
    words = credential_set.health_message or credential_set.health_code or "no reason given"
    return (
        f"The rule {rule.name} serves it, but ACR calls its credential set {credential_set.name} unhealthy ({words}). "
        "Test the credentials before replacing them: ACR has called good ones bad."
    )
