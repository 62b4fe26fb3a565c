"""One example of each kind of notice: for the reference, for `cachewarden notices preview`, and for tests.

They are made by the code that makes the real ones wherever that code is pure, so an example can't promise what no
notice has.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from shared.domain.approvals import propose
from shared.domain.channel_notices import channel_failed, channel_test
from shared.domain.digests import daily_digest
from shared.domain.failures import Workload
from shared.domain.handoff import hand_off
from shared.domain.incidents import Incident, IncidentState, Proof, incident_id
from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notices import Notice, notice_id, notice_of
from shared.domain.plans import CreateCacheRule, Plan
from shared.domain.storms import HeldNotice, Window, summary
from shared.errors import PermanentError

_NOW: Final = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
_GROUP: Final = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers"
_REGISTRY: Final = f"{_GROUP}/Microsoft.ContainerRegistry/registries/contoso"
_CLUSTER: Final = f"{_GROUP}/Microsoft.ContainerService/managedClusters/prod".lower()
_SOURCE: Final = "docker.io/library/nginx"
_IMAGE: Final = f"{_SOURCE}:1.27"
_PULL_FROM: Final = "contoso.azurecr.io/docker-hub/library/nginx:1.27"
_SOMEBODY: Final = "5f2c9a70-1111-4c3e-9d1b-0a6f5f2c9a70"
_RULE: Final = "docker-hub-library-nginx"
_EVIDENCE: Final = (
    "429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit."
)

_STATES: Final = {
    NoticeKind.INCIDENT_DETECTED: IncidentState.DETECTED,
    NoticeKind.INCIDENT_PLANNED: IncidentState.PLANNED,
    NoticeKind.INCIDENT_AWAITING_APPROVAL: IncidentState.AWAITING_APPROVAL,
    NoticeKind.INCIDENT_APPLIED: IncidentState.APPLIED,
    NoticeKind.INCIDENT_VERIFIED: IncidentState.VERIFIED,
    NoticeKind.INCIDENT_BLOCKED: IncidentState.BLOCKED,
    NoticeKind.INCIDENT_FAILED: IncidentState.FAILED,
    NoticeKind.INCIDENT_PREVENTED: IncidentState.VERIFIED,
}

_REASONS: Final = {
    IncidentState.BLOCKED: ("denied_by_policy", "library/nginx is denied by the policy; take it out of deny."),
    IncidentState.FAILED: ("AuthorizationFailed", "The app may not write cache rules; give its identity the role."),
}

_OTHERS: Final[dict[NoticeKind, tuple[str, Severity, str, str, dict[str, str]]]] = {
    NoticeKind.INCIDENT_DRIFT: (
        f"incidents/{incident_id(_REGISTRY, _SOURCE)}",
        Severity.WARNING,
        f"The cache rule docker-hub-library-nginx was deleted by {_SOMEBODY}; it was created again",
        "Ask whoever deleted it; the policy calls for the rule.",
        {
            "changed by": _SOMEBODY,
            "operation": "Microsoft.ContainerRegistry/registries/cacheRules/delete",
        },
    ),
    NoticeKind.ROTATION_STARTED: (
        "rotations/hub",
        Severity.INFO,
        "The token of the credential hub is being replaced",
        "Nothing to do; you hear when it is done.",
        {"why": "it is 30 days old"},
    ),
    NoticeKind.ROTATION_SUCCEEDED: (
        "rotations/hub",
        Severity.INFO,
        "The credential hub has a new token, and the registry uses it",
        "Nothing to do; the old token is deleted after the grace period.",
        {"proof": "a pull through the cache succeeded"},
    ),
    NoticeKind.ROTATION_FAILED: (
        "rotations/hub",
        Severity.CRITICAL,
        "The credential hub could not be rotated; the old token still works",
        "It is tried again; before the old token expires somebody has to look.",
        {"step": "create", "error": "incorrect authentication credentials"},
    ),
    NoticeKind.ROTATION_ACTION_NEEDED: (
        "credentials/hub",
        Severity.WARNING,
        "Docker Hub refuses the token of the credential hub",
        "Paste a new token into the secret dockerhub-token-next.",
        {"vault": "contoso-kv"},
    ),
    NoticeKind.ROTATION_REMINDER: (
        "credentials/hub",
        Severity.WARNING,
        "The token of the credential hub expires in 7 days",
        "Paste a new token into the secret dockerhub-token-next.",
        {"expires": "2026-12-01"},
    ),
    NoticeKind.HEADROOM_LOW: (
        "credentials/hub",
        Severity.WARNING,
        "The account of hub has 20 of 200 pulls left",
        "Look for a workload that pulls again and again.",
        {"window": "6 hours"},
    ),
    NoticeKind.HEADROOM_EXHAUSTED: (
        "credentials/hub",
        Severity.CRITICAL,
        "The account of hub has no pulls left",
        "New images are not cached until the window ends.",
        {"window": "6 hours"},
    ),
    NoticeKind.DEAD_LETTER_ADDED: (
        "dead-letters/5b1c",
        Severity.CRITICAL,
        "A message of the queue remediations could not be handled five times",
        "Look at it; it can be sent again once the cause is gone.",
        {"queue": "remediations"},
    ),
}


def example(kind: NoticeKind) -> Notice:
    """The example of a kind."""
    match kind:
        case NoticeKind.DIGEST_DAILY:
            blocked = _incident(IncidentState.BLOCKED)
            return daily_digest([blocked, _incident(IncidentState.VERIFIED)], {}, _NOW)
        case NoticeKind.DIGEST_STORM:
            told = [example(NoticeKind.INCIDENT_VERIFIED), example(NoticeKind.INCIDENT_FAILED)]
            held = tuple(HeldNotice(notice.subject, notice.id) for notice in told)
            return summary("oncall", Window(since=_NOW - timedelta(minutes=10), told=10, held=held), told, _NOW)
        case NoticeKind.CHANNEL_FAILED:
            refused = PermanentError("the receiver answers 404", code="receiver_refused", hint="Is it still there?")
            return channel_failed("oncall", refused, _NOW)
        case NoticeKind.CHANNEL_TEST:
            return channel_test("oncall", _NOW)
    if kind in _STATES:
        incident = _incident(_STATES[kind])
        if kind is NoticeKind.INCIDENT_PREVENTED:
            incident = msgspec.structs.replace(incident, evidence="", failures=0)
        return notice_of(kind, incident, hand_off(incident), _NOW)
    subject, severity, sentence, next_step, facts = _OTHERS[kind]
    return Notice(
        id=notice_id(kind, subject, ()),
        kind=kind,
        subject=subject,
        severity=severity,
        summary=sentence,
        at=_NOW,
        facts=facts,
        next_step=next_step,
    )


def _incident(state: IncidentState) -> Incident:
    reason, detail = _REASONS.get(state, (None, ""))
    is_covered = state in {IncidentState.APPLIED, IncidentState.VERIFIED, IncidentState.AWAITING_APPROVAL}
    workload = Workload(_CLUSTER, namespace="shop", kind="Deployment", name="web", containers=("app",))
    why = "docker.io/library/nginx is limited upstream and no rule covers it"
    action = CreateCacheRule(_RULE, _SOURCE, "docker-hub/library/nginx", "hub", why)
    asked = state is IncidentState.AWAITING_APPROVAL
    proof = Proof(_IMAGE, _PULL_FROM, "sha256:" + "6f" * 32, "cache", _NOW)
    return Incident(
        id=incident_id(_REGISTRY, _SOURCE),
        registry_id=_REGISTRY,
        source=_SOURCE,
        state=state,
        opened_at=_NOW,
        updated_at=_NOW,
        active_since=_NOW,
        first_seen=_NOW,
        last_seen=_NOW,
        images=(_IMAGE,),
        workloads={_IMAGE: (workload,)},
        evidence=_EVIDENCE,
        failures=3,
        reason=reason,
        detail=detail,
        proposal=propose(Plan(actions=(action,), outcomes=()), _NOW) if asked else None,
        rule=_RULE if is_covered else None,
        pull_from={_IMAGE: _PULL_FROM} if is_covered else {},
        proofs=(proof,) if state is IncidentState.VERIFIED else (),
    )
