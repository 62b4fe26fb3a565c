"""Notices about the channels themselves."""

from datetime import datetime

from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notices import Notice, notice_id
from shared.errors import CachewardenError


def channel_failed(channel: str, error: CachewardenError, now: datetime) -> Notice:
    """What the other channels are told when one refuses a notice for good; the same again on the same day."""
    subject = f"channels/{channel}"
    return Notice(
        id=notice_id(NoticeKind.CHANNEL_FAILED, subject, (error.code, now.date())),
        kind=NoticeKind.CHANNEL_FAILED,
        subject=subject,
        severity=Severity.CRITICAL,
        summary=f"The channel {channel} does not take notices: {error.code}",
        at=now,
        reason=error.code,
        detail=". ".join(part for part in (str(error), error.hint) if part),
        next_step="Mend the channel; what it missed is on the console and is not sent again.",
    )


def channel_test(channel: str, now: datetime) -> Notice:
    """A marked message that shows whether a channel works."""
    subject = f"channels/{channel}"
    return Notice(
        id=notice_id(NoticeKind.CHANNEL_TEST, subject, (now,)),
        kind=NoticeKind.CHANNEL_TEST,
        subject=subject,
        severity=Severity.INFO,
        summary=f"This is a test of the channel {channel}. Nothing has happened.",
        at=now,
        next_step="Nothing to do: the channel works.",
    )
