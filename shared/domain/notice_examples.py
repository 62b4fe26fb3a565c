"""One example of each kind of notice: for the reference, for `cachewarden notices preview`, and for tests.

They are made by the code that makes the real ones, so an example can't promise what no notice has.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from shared.domain.approvals import propose
from shared.domain.channel_notices import channel_failed, channel_test
from shared.domain.dead_letter_notices import dead_letter_notice
from shared.domain.dead_letters import Failure, failed, given_up, new_letter
from shared.domain.digests import daily_digest
from shared.domain.drift import drift_notice
from shared.domain.events import ChangeHint
from shared.domain.failures import Workload
from shared.domain.handoff import hand_off
from shared.domain.headroom import Level, Outlook, Reading
from shared.domain.incidents import Incident, IncidentState, Proof, incident_id
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, notice_of
from shared.domain.plans import CreateCacheRule, Plan
from shared.domain.policy import Mode
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.rotation import Rotation, RotationState, Trigger
from shared.domain.rotation_notices import headroom_notice, reminder, rotation_notice
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

_ROTATIONS: Final = {
    NoticeKind.ROTATION_STARTED: RotationState.TESTING,
    NoticeKind.ROTATION_ACTION_NEEDED: RotationState.WAITING,
    NoticeKind.ROTATION_SUCCEEDED: RotationState.RETIRING,
    NoticeKind.ROTATION_FAILED: RotationState.FAILED,
}

_CREDENTIAL: Final = Credential(
    provider=Provider.PERSONAL,
    vault="https://contoso-kv.vault.azure.net",
    username_secret="dockerhub-username",  # noqa: S106 - a name
    token_secret="dockerhub-token",  # noqa: S106 - a name
    owner_secret="dockerhub-owner",  # noqa: S106 - a name
)

_REASONS: Final = {
    IncidentState.BLOCKED: ("denied_by_policy", "library/nginx is denied by the policy; take it out of deny."),
    IncidentState.FAILED: ("AuthorizationFailed", "The app may not write cache rules; give its identity the role."),
}


def example(kind: NoticeKind) -> Notice:
    """The example of a kind."""
    if kind in _STATES:
        incident = _incident(_STATES[kind])
        if kind is NoticeKind.INCIDENT_PREVENTED:
            incident = msgspec.structs.replace(incident, evidence="", failures=0, workloads={})
        return notice_of(kind, incident, hand_off(incident), _NOW)
    if kind in _ROTATIONS:
        notice = rotation_notice(_rotation(kind), _CREDENTIAL, _NOW)
        if notice is None:
            raise LookupError(kind)
        return notice
    return _OTHERS[kind]()


def _incident(state: IncidentState) -> Incident:
    reason, detail = _REASONS.get(state, (None, ""))
    asked = state in {IncidentState.PLANNED, IncidentState.AWAITING_APPROVAL}
    is_covered = asked or state in {IncidentState.APPLIED, IncidentState.VERIFIED}
    workload = Workload(_CLUSTER, namespace="shop", kind="Deployment", name="web", containers=("app",))
    why = "docker.io/library/nginx is limited upstream and no rule covers it"
    action = CreateCacheRule(_RULE, _SOURCE, "docker-hub/library/nginx", "hub", why)
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


def _drift() -> Notice:
    hint = ChangeHint(_REGISTRY, "cacheRules", _RULE, deleted=True, by=_SOMEBODY, at=_NOW - timedelta(minutes=1))
    return drift_notice(hint, delivery="example", mode=Mode.ENFORCE, contested=False, sources=[_SOURCE], now=_NOW)


def _rotation(kind: NoticeKind) -> Rotation:
    """A rotation in the state that the kind tells of."""
    state = _ROTATIONS[kind]
    begun = Rotation(
        credential="hub",
        number=3,
        state=state,
        provider=Provider.PERSONAL,
        trigger=Trigger.SCHEDULE,
        started_at=_NOW,
        updated_at=_NOW,
        not_before=_NOW,
        previous_token="id-of-the-old-one",  # noqa: S106 - an id
        expires_at=None if state in {RotationState.WAITING, RotationState.FAILED} else _NOW + timedelta(days=60),
    )
    match state:
        case RotationState.RETIRING:
            proofs = ("the credential set hub of contoso.azurecr.io is healthy", f"{_PULL_FROM} was pulled")
            return msgspec.structs.replace(begun, adoption_s=42.0, proofs=proofs)
        case RotationState.WAITING:
            return msgspec.structs.replace(begun, provider=Provider.ASSISTED, fallback="owner_login_refused")
        case RotationState.FAILED:
            detail = "Docker Hub refuses the new token; it was deleted, and the old one is still the live one."
            return msgspec.structs.replace(begun, error="credential_rejected", detail=detail)
        case _:
            return begun


def _headroom(level: Level) -> Notice:
    left = 0 if level is Level.EXHAUSTED else 20
    reading = Reading(at=_NOW, limit=200, remaining=left, window_s=21600, by_account=True, refused=not left)
    seen = Outlook(level, empty_at=_NOW + timedelta(minutes=50), uncertainty=timedelta(minutes=10))
    notice = headroom_notice("hub", reading, seen)
    if notice is None:
        raise LookupError(level)
    return notice


def _dead_letter() -> Notice:
    letter = new_letter("remediations", b'{"type":"registry"}', _NOW - timedelta(minutes=20))
    error = Failure(at=_NOW, attempt=5, code="ServerBusy", text="writing table incidents: the service is busy")
    return dead_letter_notice(given_up(failed(letter, error), _NOW), _NOW)


def _digest() -> Notice:
    return daily_digest([_incident(IncidentState.BLOCKED), _incident(IncidentState.VERIFIED)], {}, _NOW)


def _storm() -> Notice:
    told = [example(NoticeKind.INCIDENT_VERIFIED), example(NoticeKind.INCIDENT_FAILED)]
    held = tuple(HeldNotice(notice.subject, notice.id) for notice in told)
    return summary("oncall", Window(since=_NOW - timedelta(minutes=10), told=10, held=held), told, _NOW)


def _failed_channel() -> Notice:
    refused = PermanentError("the receiver answers 404", code="receiver_refused", hint="Is it still there?")
    return channel_failed("oncall", refused, _NOW)


_OTHERS: Final[Mapping[NoticeKind, Callable[[], Notice]]] = {
    NoticeKind.INCIDENT_DRIFT: _drift,
    NoticeKind.ROTATION_REMINDER: lambda: reminder("hub", _CREDENTIAL, _NOW, days=7, ends=_NOW + timedelta(days=7)),
    NoticeKind.HEADROOM_LOW: lambda: _headroom(Level.LOW),
    NoticeKind.HEADROOM_EXHAUSTED: lambda: _headroom(Level.EXHAUSTED),
    NoticeKind.DEAD_LETTER_ADDED: _dead_letter,
    NoticeKind.DIGEST_DAILY: _digest,
    NoticeKind.DIGEST_STORM: _storm,
    NoticeKind.CHANNEL_FAILED: _failed_channel,
    NoticeKind.CHANNEL_TEST: lambda: channel_test("oncall", _NOW),
}
