"""The kinds of notices: the words that a policy's routes and the notices themselves share."""

from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice is about."""

    INCIDENT_DETECTED = "incident.detected"
    INCIDENT_AWAITING_APPROVAL = "incident.awaiting_approval"
    INCIDENT_APPLIED = "incident.applied"
    INCIDENT_VERIFIED = "incident.verified"
    INCIDENT_BLOCKED = "incident.blocked"
    INCIDENT_FAILED = "incident.failed"
    INCIDENT_PREVENTED = "incident.prevented"
    INCIDENT_DRIFT = "incident.drift"
    ROTATION_STARTED = "rotation.started"
    ROTATION_SUCCEEDED = "rotation.succeeded"
    ROTATION_FAILED = "rotation.failed"
    ROTATION_ACTION_NEEDED = "rotation.action_needed"
    ROTATION_REMINDER = "rotation.reminder"
    HEADROOM_LOW = "headroom.low"
    HEADROOM_EXHAUSTED = "headroom.exhausted"
    DEAD_LETTER_ADDED = "dead_letter.added"
    DIGEST_DAILY = "digest.daily"
