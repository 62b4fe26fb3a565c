"""What people are told about a dead letter."""

from datetime import datetime

from shared.domain.dead_letters import BLOBS, DeadLetter
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, Severity, notice_id


def dead_letter_notice(letter: DeadLetter, now: datetime) -> Notice:
    """The notice that a letter was given up; a death after a replay is told again."""
    subject = f"dead-letters/{letter.id}"
    last = letter.failures[-1] if letter.failures else None
    why = last.text if last else "No attempt left an error: the process died each time, or the host refused it."
    summary, way_out = _words(letter)
    return Notice(
        id=notice_id(NoticeKind.DEAD_LETTER_ADDED, subject, (letter.deaths,)),
        kind=NoticeKind.DEAD_LETTER_ADDED,
        subject=subject,
        severity=Severity.CRITICAL,
        summary=summary,
        at=now,
        reason=last.code if last else None,
        detail=why,
        facts={
            "origin": letter.origin,
            "first seen": letter.first_seen.isoformat(),
            "attempts": str(last.attempt if last else 0),
        },
        next_step=way_out,
    )


def _words(letter: DeadLetter) -> tuple[str, str]:
    """What happened, and what a person can do."""
    if letter.origin == BLOBS:
        return (
            "A file with dead letters of Event Grid can't be read",
            "Look at it in the storage account, in the container of Event Grid's dead letters; replaying it is no use.",
        )
    return (
        f"A message of {letter.origin} could not be processed and waits to be replayed",
        f"Mend the cause, then POST /api/dead-letters/{letter.id}/replay.",
    )
