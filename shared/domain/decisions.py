"""Decides for one image: covered, blocked, ignored, or what is missing.

The questions come in the order in which a person asks them: is it ours at all, is it served already, may we, can we.
"""

import msgspec

from shared.domain.cache_rules import CacheRule, canonical_source, to_source, to_target
from shared.domain.credential_choice import CredentialChooser, is_working, may_have_credentials, needs_credentials
from shared.domain.diagnosis import Cause
from shared.domain.images import ImageReference, why_not_cacheable
from shared.domain.obstacles import ObstacleFinder
from shared.domain.patterns import matches
from shared.domain.plans import Action, AttachCredentialSet, Blocked, PlannedImage, Status
from shared.domain.policy import Policy, RegistryPolicy
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.domain.rule_index import RuleIndex
from shared.domain.upstreams import upstream_for
from shared.domain.widening import Mapping, mapping_of


class Decision(msgspec.Struct, frozen=True):
    """What becomes of one image, before the quota is looked at.

    Attributes:
        image: the canonical reference, or the text as it came.
        source: the upstream repository; empty when there is none.
        suffix: tag and digest as they were written.
        status: what becomes of it; `planned` when a mapping or actions are missing.
        rule: the existing rule that serves it, or will once the actions ran.
        target: the repository to pull from, where the rule's mapping alone does not say.
        mapping: the rule that is missing.
        actions: what is missing besides.
    """

    image: str
    status: Status
    source: str = ""
    suffix: str = ""
    reason: str | None = None
    detail: str = ""
    rule: CacheRule | None = None
    target: str | None = None
    mapping: Mapping | None = None
    actions: tuple[Action, ...] = ()


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


class Decider:
    """Decides image by image, against one reading of one registry; each repository once."""

    def __init__(  # noqa: PLR0913 - what a decision looks at, each by name
        self,
        snapshot: RegistrySnapshot,
        policy: Policy,
        *,
        index: RuleIndex,
        chooser: CredentialChooser,
        obstacles: ObstacleFinder,
        registry: RegistryPolicy,
    ) -> None:
        self._login_server = snapshot.login_server.lower()
        self._policy = policy
        self._index = index
        self._chooser = chooser
        self._obstacles = obstacles
        self._registry = registry
        self._by_source: dict[str, Decision] = {}

    def decide(self, image: PlannedImage) -> Decision:
        """What becomes of an image."""
        name = str(image.reference) if image.reference is not None else image.text
        if image.cause is not None and image.cause != Cause.RATE_LIMITED:
            detail = _LEFT_ALONE.get(Cause(image.cause) if image.cause in set(Cause) else Cause.UNKNOWN, "")
            return Decision(
                name, Status.IGNORED, reason=image.cause, detail=detail or "Nothing shows that a limit was hit."
            )
        if image.cache_rule is not None:
            return self._through(name, image.cache_rule, image.reference)
        if image.reference is None:
            return _without_reference(name, image.cause)
        if image.reference.registry == self._login_server:
            return self._own(name, image.reference)
        source = image.reference.source
        if source not in self._by_source:
            self._by_source[source] = self._upstream(image.reference)
        return msgspec.structs.replace(self._by_source[source], image=name, suffix=image.reference.suffix)

    def _through(self, name: str, rule_name: str, reference: ImageReference | None) -> Decision:
        """A failure that names the rule it went through: the rule is there; has it credentials, and do they work?"""
        rule = self._index.named(rule_name)
        if rule is None:
            detail = f"{self._registry.name} has no rule {rule_name}: it is another registry's, or gone."
            return Decision(name, Status.IGNORED, reason="rule_not_found", detail=detail)
        target = None
        source = canonical_source(rule.source)
        if reference is not None and reference.registry == self._login_server:
            target = reference.repository
            source = to_source(rule, target) or source
        elif reference is not None:
            source = reference.source
            target = to_target(rule, source)
        suffix = reference.suffix if reference is not None else ""
        decision = Decision(name, Status.COVERED, source=source, suffix=suffix, rule=rule, target=target)
        return self._served(decision, rule, through=True)

    def _own(self, name: str, reference: ImageReference) -> Decision:
        """A reference to the registry itself: it is served by a rule, or is none of ours."""
        rule = self._index.serving(reference.repository)
        if rule is None:
            detail = f"{reference.source} is the registry's own repository; no rule serves it."
            return Decision(name, Status.IGNORED, reason="not_from_upstream", detail=detail)
        source = to_source(rule, reference.repository) or ""
        decision = Decision(
            name, Status.COVERED, source=source, suffix=reference.suffix, rule=rule, target=reference.repository
        )
        return self._served(decision, rule, through=True)

    def _upstream(self, reference: ImageReference) -> Decision:
        source = reference.source
        if rules := self._index.covering(source):
            rule = min(rules, key=self._preference)
            return self._served(Decision("", Status.COVERED, source=source, rule=rule), rule, through=False)
        if problem := self._forbidden(reference.registry, reference.repository):
            return problem
        choice = self._chooser.choose(reference.registry)
        if choice.missing:
            return _blocked(Blocked.CREDENTIAL_MISSING, choice.missing)
        rules_of = self._policy.upstreams[reference.registry]
        mapping = mapping_of(reference.registry, reference.repository, rules_of.target, rules_of.granularity)
        if obstacle := self._obstacles.find(mapping, source):
            return _blocked(obstacle.reason, obstacle.detail)
        over = next(self._index.wildcards_over(mapping.target), None)
        note = f"From then on it stands over the wildcard {over.name} ({over.source} -> {over.target})." if over else ""
        return Decision("", Status.PLANNED, source=source, mapping=mapping, detail=note)

    def _preference(self, rule: CacheRule) -> tuple[bool, bool, bool, str]:
        """Of several rules: one that lacks nothing, a static one, one under our target, the first by name."""
        upstream = self._policy.upstreams.get(rule.host)
        credential_set = self._chooser.of_rule(rule)
        lacks = not is_working(credential_set) if credential_set else needs_credentials(rule.host)
        elsewhere = upstream is None or not rule.target.startswith(f"{upstream.target}/")
        return lacks, rule.is_wildcard, elsewhere, rule.name

    def _forbidden(self, host: str, repository: str) -> Decision | None:
        if reason := why_not_cacheable(ImageReference(host, repository)):
            known = upstream_for(host) is not None
            return _blocked(Blocked.INVALID_REFERENCE if known else Blocked.UPSTREAM_NOT_SUPPORTED, reason)
        if host not in self._policy.upstreams:
            detail = f"The policy names no upstream {host}. Add it under upstreams if it may be cached."
            return _blocked(Blocked.UPSTREAM_NOT_IN_POLICY, detail)
        if not self._policy.allows(host, repository):
            denied = next((p for p in self._policy.upstreams[host].deny if matches(p, repository)), None)
            which = f"its deny has {denied}" if denied else "no pattern of its allow matches"
            detail = f"upstreams.{host} does not allow {repository}: {which}. Change that if it may be cached."
            return _blocked(Blocked.DENIED_BY_POLICY, detail)
        return None

    def _served(self, decision: Decision, rule: CacheRule, *, through: bool) -> Decision:
        """A decision for what a rule serves: nothing is missing, or what the rule lacks."""
        credential_set = self._chooser.of_rule(rule)
        if credential_set is None:
            optional = through and may_have_credentials(rule.host) and self._policy.credential_of(rule.host) is not None
            if needs_credentials(rule.host) or optional:
                return self._attached(decision, rule)
            return _covered(decision, _hand_off(rule, through=through))
        if grant := self._chooser.grant_for(credential_set):
            detail = f"The rule {rule.name} is there; its credential set {credential_set.name} can't read its secrets."
            return msgspec.structs.replace(decision, status=Status.PLANNED, detail=detail, actions=(grant,))
        if not is_working(credential_set):
            return _covered(decision, _unhealthy(rule, credential_set))
        return _covered(decision, _hand_off(rule, through=through, account=credential_set.name))

    def _attached(self, decision: Decision, rule: CacheRule) -> Decision:
        host, _, repository = decision.source.partition("/")
        forbidden = self._forbidden(host, repository) if not repository.endswith("*") else None
        if forbidden is None and host not in self._policy.upstreams:
            forbidden = self._forbidden(host, repository)
        choice = self._chooser.choose(rule.host)
        if forbidden is None and choice.missing:
            forbidden = _blocked(Blocked.CREDENTIAL_MISSING, choice.missing)
        lacks = f"The rule {rule.name} is there without a credential set, which {rule.host} asks for."
        if forbidden is not None or choice.name is None:
            reason, detail = (forbidden.reason, forbidden.detail) if forbidden else (Blocked.CREDENTIAL_MISSING, "")
            return msgspec.structs.replace(
                decision, status=Status.BLOCKED, reason=reason, detail=f"{lacks} {detail}", target=None, rule=None
            )
        attach = AttachCredentialSet(rule=rule.name, credential_set=choice.name, why=lacks)
        actions = tuple(action for action in (choice.create, choice.grant, attach) if action is not None)
        return msgspec.structs.replace(decision, status=Status.PLANNED, detail=lacks, actions=actions)


def _blocked(reason: Blocked, detail: str) -> Decision:
    return Decision("", Status.BLOCKED, reason=reason, detail=detail)


def _covered(decision: Decision, detail: str) -> Decision:
    return msgspec.structs.replace(decision, detail=detail)


def _without_reference(text: str, cause: str | None) -> Decision:
    if cause is None:
        detail = "This is neither an image reference nor the text of a failed pull."
        return Decision(text, Status.BLOCKED, reason=Blocked.INVALID_REFERENCE, detail=detail)
    detail = "The failure names no image, so there is nothing to make a rule for."
    return Decision(text, Status.IGNORED, reason="no_image", detail=detail)


def _hand_off(rule: CacheRule, *, through: bool, account: str | None = None) -> str:
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


def _unhealthy(rule: CacheRule, credential_set: CredentialSet) -> str:
    words = credential_set.health_message or credential_set.health_code or "no reason given"
    return (
        f"The rule {rule.name} serves it, but ACR calls its credential set {credential_set.name} unhealthy ({words}). "
        "Test the credentials before replacing them: ACR has called good ones bad."
    )
