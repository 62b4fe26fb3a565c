"""Which credential a failed pull blames: the one of the upstream, or of the upstream behind the registry's own name."""

from collections.abc import Iterable

from shared.domain.diagnosis import Cause
from shared.domain.failures import PullFailure
from shared.domain.policy import Policy


def suspects(policy: Policy, failures: Iterable[PullFailure]) -> tuple[str, ...]:
    """The names of the credentials that failures blame, each once; text picks among the policy's and adds none."""
    found: dict[str, None] = {}
    for failure in failures:
        image = failure.diagnosis.image
        if failure.diagnosis.cause is not Cause.CREDENTIAL_REJECTED or image is None:
            continue
        ours = any(image.registry.startswith(f"{registry.name.lower()}.") for registry in policy.registries)
        for host, rules in policy.upstreams.items():
            served = ours and f"{image.repository}/".startswith(f"{rules.target}/")
            if rules.credential in policy.credentials and (image.registry == host or served):
                found[str(rules.credential)] = None
    return tuple(found)
