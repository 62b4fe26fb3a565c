"""The kinds of notices and how soon they matter: the words that a policy's routes and the notices themselves share."""

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
    DIGEST_STORM = "digest.storm"
    CHANNEL_FAILED = "channel.failed"
    CHANNEL_TEST = "channel.test"


ON_REQUEST = frozenset({NoticeKind.INCIDENT_DETECTED, NoticeKind.INCIDENT_APPLIED, NoticeKind.ROTATION_STARTED})
"""Progress that nobody has to act on: it only takes routes that name it."""


class Severity(StrEnum):
    """How soon somebody should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    def is_at_least(self, least: "Severity") -> bool:
        """Whether it is as severe as `least`, or more."""
        order = tuple(Severity)
        return order.index(self) >= order.index(least)
