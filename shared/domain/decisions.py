"""Decides for one image: covered, blocked, ignored, or what is missing.

The questions come in the order in which a person asks them: is it ours at all, is it served already, may we, can we.
"""

import msgspec

from shared.domain.cache_rules import CacheRule, canonical_source, to_source, to_target
from shared.domain.credential_choice import CredentialChooser, is_working, may_have_credentials, needs_credentials
from shared.domain.decision_words import already_served, left_alone, unhealthy
from shared.domain.diagnosis import Cause
from shared.domain.images import ImageReference, why_not_cacheable
from shared.domain.obstacles import ObstacleFinder
from shared.domain.patterns import matches
from shared.domain.plans import Action, AttachCredentialSet, Blocked, PlannedImage, Status
from shared.domain.policy import Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot
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
        target: the repository of the registry at which that rule serves it, None when that is not known.
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
            return Decision(name, Status.IGNORED, reason=image.cause, detail=left_alone(image.cause))
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
        target = self._target_through(rule, reference)
        if reference is not None and target is None:
            detail = f"The text names the rule {rule_name}, which does not serve {reference.source}."
            return Decision(name, Status.IGNORED, reason="not_from_upstream", detail=detail)
        source = canonical_source(rule.source) if not rule.is_wildcard else to_source(rule, target or "") or ""
        suffix = reference.suffix if reference is not None and target is not None else ""
        decision = Decision(name, Status.COVERED, source=source, suffix=suffix, rule=rule, target=target)
        return self._served(decision, rule, through=True)

    def _target_through(self, rule: CacheRule, reference: ImageReference | None) -> str | None:
        """Where a rule serves an image that a text names beside it; None when the two do not belong together."""
        if reference is None:
            target = None if rule.is_wildcard else rule.target
        elif reference.registry == self._login_server:
            target = reference.repository
        else:
            target = to_target(rule, reference.source)
        return target if target is not None and self._index.serving(target) is rule else None

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
            covered = Decision("", Status.COVERED, source=source, rule=rule, target=to_target(rule, source))
            return self._served(covered, rule, through=False)
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
        if problem := self._unknown_to_policy(host):
            return problem
        if not self._policy.allows(host, repository):
            denied = next((p for p in self._policy.upstreams[host].deny if matches(p, repository)), None)
            which = f"its deny has {denied}" if denied else "no pattern of its allow matches"
            detail = f"upstreams.{host} does not allow {repository}: {which}. Change that if it may be cached."
            return _blocked(Blocked.DENIED_BY_POLICY, detail)
        return None

    def _unknown_to_policy(self, host: str) -> Decision | None:
        if host in self._policy.upstreams:
            return None
        detail = f"The policy names no upstream {host}. Add it under upstreams if it may be cached."
        return _blocked(Blocked.UPSTREAM_NOT_IN_POLICY, detail)

    def _served(self, decision: Decision, rule: CacheRule, *, through: bool) -> Decision:
        """A decision for what a rule serves: nothing is missing, or what the rule lacks."""
        credential_set = self._chooser.of_rule(rule)
        if credential_set is None:
            optional = through and may_have_credentials(rule.host) and self._policy.credential_of(rule.host) is not None
            if needs_credentials(rule.host) or optional:
                return self._attached(decision, rule)
            return _covered(decision, already_served(rule, through=through))
        if grant := self._chooser.grant_for(credential_set):
            detail = f"The rule {rule.name} is there; its credential set {credential_set.name} can't read its secrets."
            return msgspec.structs.replace(decision, status=Status.PLANNED, detail=detail, actions=(grant,))
        if not is_working(credential_set):
            return _covered(decision, unhealthy(rule, credential_set))
        return _covered(decision, already_served(rule, through=through, account=credential_set.name))

    def _attached(self, decision: Decision, rule: CacheRule) -> Decision:
        """A decision to give a rule credentials; which repository a wildcard failed for is not always known."""
        _, _, repository = decision.source.partition("/")
        forbidden = self._forbidden(rule.host, repository) if repository else self._unknown_to_policy(rule.host)
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
